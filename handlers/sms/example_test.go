package sms_test

import (
	"fmt"
	"time"

	"holdfast/handlers/sms"
	"holdfast/store/pii"
)

// A code text, and the reply that it invites.
func Example() {
	text, err := sms.Render(sms.KindCode, "es-MX", sms.Data{
		Org: "Clínica Sonrisa", Code: pii.NewCode("048291"), ValidFor: 10 * time.Minute,
	})
	fmt.Println(text, err)
	fmt.Println(text.Reveal())
	fmt.Println(sms.Segments(text.Reveal()))

	reply := sms.ParseReply("Mi clave es 048-291, gracias")
	fmt.Println(reply.Intent, reply.Code.Reveal())
	// Output:
	// [text] <nil>
	// 048291 es tu clave de Clinica Sonrisa. Responde con ella en 10 min para confirmar tu cita. No la compartas.
	// 1 GSM-7
	// code 048291
}
