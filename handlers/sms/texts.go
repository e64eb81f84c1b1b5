package sms

import "text/template"

// Kind is a kind of text.
type Kind string

// The kinds of text.
const (
	KindCode          Kind = "code"              // a one-time code
	KindMoveCode      Kind = "move_code"         // a one-time code for another time
	KindConfirmation  Kind = "confirmation"      // a booking is confirmed
	KindMoved         Kind = "moved"             // a booking is at another time now
	KindReminder      Kind = "reminder"          // a booking is near
	KindFollowup      Kind = "followup"          // a hold has ended unconfirmed, and its time is still free
	KindAlternatives  Kind = "alternatives"      // a time is taken, and these are free
	KindCancelCheck   Kind = "cancel_check"      // is the booking to be canceled?
	KindCanceled      Kind = "canceled"          // a booking is canceled
	KindHelp          Kind = "help"              // answer to HELP
	KindStopConfirm   Kind = "stop_confirmation" // the one answer to STOP that is allowed
	KindNotUnderstood Kind = "not_understood"    // answer to a reply that could not be read
	KindWrongCode     Kind = "wrong_code"        // answer to a code that is not the one that was sent
	KindExpired       Kind = "expired"           // answer to a code that came too late
)

// The wording. What it keeps to:
//
//   - In a code text the code comes first: the first six digits are the code, for phones that fill it in
//     and for our own tests, so no name may precede it.
//   - Never "Reply CANCEL" or "Reply YES": to Twilio these are STOP and START (Twilio, "Default keywords
//     for STOP, START and HELP").
//   - The answer to STOP confirms and offers nothing; one such text within five minutes is allowed
//     (47 CFR 64.1200(a)(12)). HELP names the sender and how to stop (CTIA, Messaging Principles and
//     Best Practices).
//   - The service is named where the customer has to know which booking is meant: when it is confirmed or moved, and
//     when he is asked whether he still wants it; it is the org's public wording, chosen for texts. A reminder goes without:
//     of health matters no more than name, date, time and whom to call is said (HHS, minimum necessary, 45 CFR 164.502(b)).
//   - A follow-up says that STOP ends texts, since nobody asked for it.
//   - A choice is taken with its number, K keeps and C cancels: none of them is a keyword of the provider's.
//   - Every character is GSM-7, which has no á, í, ó, ú: Spanish says clave, not código.
var wording = map[string]map[Kind]string{
	"en": {
		KindCode: `{{.Code}} is your code for {{.Org}}. Reply with it within {{.For}} to confirm your booking. ` +
			`Do not share it.`,
		KindConfirmation: `Booking confirmed{{with .Service}}: {{.}}{{end}}{{with .Resource}} with {{.}}{{end}}` +
			` at {{.Org}}, {{.When}}. Reply C to cancel.`,
		KindMoveCode: `{{.Code}} is your code for {{.Org}}. Reply with it within {{.For}} to move your booking to {{.When}}. ` +
			`Do not share it.`,
		KindMoved: `Booking moved{{with .Service}}: {{.}}{{end}}{{with .Resource}} with {{.}}{{end}}` +
			` at {{.Org}}, now {{.When}}. Reply C to cancel.`,
		KindReminder: `Reminder: your booking{{with .Resource}} with {{.}}{{end}} at {{.Org}} is {{.When}}. Reply C to cancel.`,
		KindFollowup: `{{with .Name}}{{.}}, you{{else}}You{{end}} asked for {{with .Service}}{{.}}{{else}}{{with .Notes}}"{{.}}"{{else}}a booking{{end}}{{end}}` +
			`{{with .Resource}} with {{.}}{{end}} at {{.Org}}, {{.When}}. Not confirmed yet. Reply K to keep it, STOP to end texts.`,
		KindAlternatives: `{{with .Name}}{{.}}, {{end}}{{.When}}{{with .Resource}} with {{.}}{{end}} at {{.Org}} is taken. Free: {{.Choices}}. ` +
			`Reply {{.Numbers}} to book.`,
		KindCancelCheck: `{{.Org}}: cancel your booking on {{.When}}? Reply C again to cancel it, K to keep it.`,
		KindCanceled:    `{{.Org}}: your booking on {{.When}} is canceled.`,
		KindHelp: `{{.Org}}: texts about your bookings. Reply with your code to confirm, C to cancel a booking, ` +
			`STOP to end all texts.`,
		KindStopConfirm:   `You will get no more texts from {{.Org}}. Reply START to get them again.`,
		KindNotUnderstood: `{{.Org}}: we could not read your reply. Send your 6-digit code, K to keep, C to cancel, or HELP.`,
		KindWrongCode:     `{{.Org}}: that is not the code we sent. Please reply with the 6 digits of our latest text.`,
		KindExpired:       `{{.Org}}: the time kept for you, {{.When}}, is no longer free. Please book again.`,
	},
	"es": {
		KindCode: `{{.Code}} es tu clave de {{.Org}}. Responde con ella en {{.For}} para confirmar tu cita. ` +
			`No la compartas.`,
		KindConfirmation: `Cita confirmada{{with .Service}}: {{.}}{{end}}{{with .Resource}} con {{.}}{{end}}` +
			` en {{.Org}}, {{.When}}. Responde C para cancelar.`,
		KindMoveCode: `{{.Code}} es tu clave de {{.Org}}. Responde con ella en {{.For}} para cambiar tu cita al {{.When}}. ` +
			`No la compartas.`,
		KindMoved: `Cita cambiada{{with .Service}}: {{.}}{{end}}{{with .Resource}} con {{.}}{{end}}` +
			` en {{.Org}}, ahora {{.When}}. Responde C para cancelar.`,
		KindReminder: `Recuerda tu cita{{with .Resource}} con {{.}}{{end}} en {{.Org}}: {{.When}}. Responde C para cancelar.`,
		KindFollowup: `{{with .Name}}{{.}}, pediste{{else}}Pediste{{end}} {{with .Service}}{{.}}{{else}}{{with .Notes}}"{{.}}"{{else}}una cita{{end}}{{end}}` +
			`{{with .Resource}} con {{.}}{{end}} en {{.Org}}, {{.When}}. Falta confirmar: responde K para mantenerla, STOP para darte de baja.`,
		KindAlternatives: `{{with .Name}}{{.}}, en{{else}}En{{end}} {{.Org}}, {{.When}}{{with .Resource}} con {{.}}{{end}} ya no queda libre. Hay: {{.Choices}}. ` +
			`Responde {{.Numbers}} para reservar.`,
		KindCancelCheck: `{{.Org}}: ¿cancelar tu cita del {{.When}}? Responde C otra vez para cancelarla, K para mantenerla.`,
		KindCanceled:    `{{.Org}}: tu cita del {{.When}} queda cancelada.`,
		KindHelp: `{{.Org}}: mensajes sobre tus citas. Responde con tu clave para confirmar, C para cancelar una ` +
			`cita, STOP para darte de baja.`,
		KindStopConfirm: `Ya no te enviaremos mensajes de {{.Org}}. Responde START para recibirlos de nuevo.`,
		KindNotUnderstood: `{{.Org}}: no entendimos tu respuesta. Responde con tu clave de 6 cifras, K para ` +
			`mantener, C para cancelar o AYUDA.`,
		KindWrongCode: `{{.Org}}: esa no es la clave que enviamos. Responde con las 6 cifras del mensaje reciente.`,
		KindExpired:   `{{.Org}}: la hora guardada para ti, {{.When}}, ya no queda libre. Reserva otra vez, por favor.`,
	},
}

const fallbackLocale = "en"

var templates = func() map[string]map[Kind]*template.Template {
	all := make(map[string]map[Kind]*template.Template, len(wording))
	for locale, kinds := range wording {
		all[locale] = make(map[Kind]*template.Template, len(kinds))
		for k, w := range kinds {
			all[locale][k] = template.Must(compile(k, w))
		}
	}
	return all
}()

// Code reports whether texts of the kind carry a one-time code.
func (k Kind) Code() bool { return k == KindCode || k == KindMoveCode }

// Asks reports whether texts of the kind ask something that a letter or a digit answers.
func (k Kind) Asks() bool { return k == KindFollowup || k == KindAlternatives || k == KindCancelCheck }
