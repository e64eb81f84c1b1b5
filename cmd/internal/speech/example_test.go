package speech_test

import (
	"fmt"
	"time"

	"holdfast/cmd/internal/speech"
)

// What a caller says becomes a start, and what is answered can be read aloud.
func Example() {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	w, _ := speech.ParseWhen("next Tuesday at 3 pm", now, time.UTC)
	starts, _ := w.Starts(now, time.UTC)
	fmt.Println(speech.English.Say(speech.Confirmed, speech.Values{"when": speech.English.At(starts[0], now), "with": "Dr. Lee"}))
	fmt.Println(speech.Spanish.Say(speech.Confirmed, speech.Values{"when": speech.Spanish.At(starts[0], now), "with": "Dr. Lee"}))
	// Output:
	// Tuesday the 24th at 3 PM with Dr. Lee is confirmed.
	// El martes 24 a las 3 de la tarde con Dr. Lee queda confirmado.
}
