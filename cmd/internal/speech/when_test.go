package speech

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/store/calendar"
)

var newYork = func() *time.Location {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(err)
	}
	return zone
}()

// sunday is when the tables are read: Sunday the 22nd of November 2026, ten in the morning.
var sunday = time.Date(2026, 11, 22, 10, 7, 0, 0, newYork)

// said writes what was understood: the starts, or the day and its part.
func said(w When, now time.Time) string {
	if !w.HasTime() {
		s := w.Day.Format("Mon 2006-01-02")
		if w.Part != (Part{}) {
			s += time.Date(0, 1, 1, 0, w.Part.From, 0, 0, time.UTC).Format(" 15h-") + time.Date(0, 1, 1, 0, w.Part.To, 0, 0, time.UTC).Format("15h")
		}
		return s
	}
	starts, err := w.Starts(now, newYork)
	if err != nil {
		return err.Error()
	}
	list := make([]string, len(starts))
	for i, at := range starts {
		list[i] = at.Format("Mon 2006-01-02 15:04")
	}
	return strings.Join(list, " or ")
}

func TestWhen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-11-24T15:00:00-05:00": "Tue 2026-11-24 15:00",
		"2026-11-24T15:00:00+01:00": "Tue 2026-11-24 09:00",
		"2026-11-24T15:00":          "Tue 2026-11-24 15:00",
		"2026-11-24 15:00":          "Tue 2026-11-24 15:00",
		"2026-11-24":                "Tue 2026-11-24",
		"2026-11-24 at 3 pm":        "Tue 2026-11-24 15:00",

		"tomorrow at 3 pm":                  "Mon 2026-11-23 15:00",
		"tomorrow at 3":                     "Mon 2026-11-23 03:00 or Mon 2026-11-23 15:00",
		"Tuesday 15:00":                     "Tue 2026-11-24 15:00",
		"Tuesday at 09:30":                  "Tue 2026-11-24 09:30",
		"tuesday 9:30":                      "Tue 2026-11-24 09:30 or Tue 2026-11-24 21:30",
		"Tuesday at 09:30 p.m.":             "Tue 2026-11-24 21:30",
		"next Friday at noon":               "Fri 2026-11-27 12:00",
		"12 noon on Friday":                 "Fri 2026-11-27 12:00",
		"Friday, 12pm":                      "Fri 2026-11-27 12:00",
		"friday at 12":                      "Fri 2026-11-27 00:00 or Fri 2026-11-27 12:00",
		"today at 3:30 p.m.":                "Sun 2026-11-22 15:30",
		"at 9":                              "Sun 2026-11-22 21:00",
		"at 9 am":                           "Mon 2026-11-23 09:00",
		"3pm":                               "Sun 2026-11-22 15:00",
		"half past three tomorrow":          "Mon 2026-11-23 03:30 or Mon 2026-11-23 15:30",
		"quarter to four on Tuesday":        "Tue 2026-11-24 03:45 or Tue 2026-11-24 15:45",
		"ten past four pm tuesday":          "Tue 2026-11-24 16:10",
		"three thirty in the afternoon":     "Sun 2026-11-22 15:30",
		"three oh five pm":                  "Sun 2026-11-22 15:05",
		"Tuesday at 10 in the morning":      "Tue 2026-11-24 10:00",
		"tuesday 8 o'clock in the evening":  "Tue 2026-11-24 20:00",
		"November 24th at 3 PM":             "Tue 2026-11-24 15:00",
		"Nov 24, 2027 at 3 PM":              "Wed 2027-11-24 15:00",
		"the 24th at 3 pm":                  "Tue 2026-11-24 15:00",
		"the twenty fourth at 3 pm":         "Tue 2026-11-24 15:00",
		"the first at 8 am":                 "Tue 2026-12-01 08:00",
		"Tuesday the 24th of November, 3pm": "Tue 2026-11-24 15:00",
		"January 5 at 10 am":                "Tue 2027-01-05 10:00",
		"11/24 at 3 pm":                     "Tue 2026-11-24 15:00",
		"24/11/2026 at 3 pm":                "Tue 2026-11-24 15:00",
		"day after tomorrow, 15:00":         "Tue 2026-11-24 15:00",
		"in two hours":                      "Sun 2026-11-22 12:15",
		"in an hour and a half":             "Sun 2026-11-22 11:45",
		"in half an hour":                   "Sun 2026-11-22 10:45",
		"in 2 hours and 30 minutes":         "Sun 2026-11-22 12:45",
		"in three days at 4 pm":             "Wed 2026-11-25 16:00",
		"a week from now at noon":           "Sun 2026-11-29 12:00",
		"this afternoon":                    "Sun 2026-11-22 12h-18h",
		"Tuesday afternoon":                 "Tue 2026-11-24 12h-18h",
		"tomorrow morning":                  "Mon 2026-11-23 00h-12h",
		"Tuesday":                           "Tue 2026-11-24",
		"sunday":                            "Sun 2026-11-22",
		"next sunday":                       "Sun 2026-11-29",
		"sunday at 9 am":                    "Sun 2026-11-29 09:00",

		"mañana a las 3 de la tarde":                       "Mon 2026-11-23 15:00",
		"manana a las 15:00":                               "Mon 2026-11-23 15:00",
		"el martes a las 10":                               "Tue 2026-11-24 10:00 or Tue 2026-11-24 22:00",
		"el martes a las diez de la mañana":                "Tue 2026-11-24 10:00",
		"el próximo viernes al mediodía":                   "Fri 2026-11-27 12:00",
		"el viernes que viene a las 5 y media de la tarde": "Fri 2026-11-27 17:30",
		"pasado mañana a las tres y media":                 "Tue 2026-11-24 03:30 or Tue 2026-11-24 15:30",
		"a las cuatro menos cuarto de la tarde":            "Sun 2026-11-22 15:45",
		"el 24 de noviembre a las 3 de la tarde":           "Tue 2026-11-24 15:00",
		"veinticuatro de noviembre, 15:00":                 "Tue 2026-11-24 15:00",
		"el 1 de diciembre de 2026 a las 9 de la mañana":   "Tue 2026-12-01 09:00",
		"el primero de diciembre a la una de la tarde":     "Tue 2026-12-01 13:00",
		"dentro de dos horas":                              "Sun 2026-11-22 12:15",
		"en media hora":                                    "Sun 2026-11-22 10:45",
		"en una hora y media":                              "Sun 2026-11-22 11:45",
		"en tres días a las 11 de la mañana":               "Wed 2026-11-25 11:00",
		"hoy a las 8 de la noche":                          "Sun 2026-11-22 20:00",
		"mañana por la mañana":                             "Mon 2026-11-23 00h-12h",
		"el miércoles por la tarde":                        "Wed 2026-11-25 12h-20h",
		"a las treinta y cinco":                            "not understood as a day or a time",

		"": "not understood as a day or a time", "whenever": "not understood as a day or a time",
		"3/4 at 10": "not understood as a day or a time", "Tuesday 3": "not understood as a day or a time",
		"not Tuesday at 3 pm": "not understood as a day or a time", "Monday or Tuesday": "not understood as a day or a time",
		"monday the 24th at 3 pm": "not understood as a day or a time", "February 30 at noon": "not understood as a day or a time",
		"15:00 in the morning": "not understood as a day or a time", "3 pm at 4 pm": "not understood as a day or a time",
		"25:00 tomorrow": "not understood as a day or a time", "next week": "not understood as a day or a time",
		"12 at night tomorrow": "not understood as a day or a time", "in two hours on tuesday": "not understood as a day or a time",
	} {
		w, err := ParseWhen(text, sunday, newYork)
		got := said(w, sunday)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestWhenClocksChange: what the clocks skip does not exist, what they repeat means its first occurrence.
func TestWhenClocksChange(t *testing.T) {
	t.Parallel()
	march := time.Date(2027, 3, 13, 10, 0, 0, 0, newYork)
	w, err := ParseWhen("tomorrow at 2:30 am", march, newYork)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Starts(march, newYork); !errors.Is(err, calendar.ErrGap) {
		t.Errorf("in the gap: %v", err)
	}
	if _, err := ParseWhen("2027-03-14T02:30", march, newYork); !errors.Is(err, calendar.ErrGap) {
		t.Errorf("in the gap, as ISO: %v", err)
	}
	// Half past two in the afternoon is the only one there is.
	w, err = ParseWhen("tomorrow at 2:30", march, newYork)
	if starts, err2 := w.Starts(march, newYork); err != nil || err2 != nil || len(starts) != 1 || starts[0].Hour() != 14 {
		t.Errorf("%v %v %v", starts, err, err2)
	}
	october := time.Date(2026, 10, 31, 10, 0, 0, 0, newYork)
	w, _ = ParseWhen("tomorrow at 1:30 am", october, newYork)
	if starts, err := w.Starts(october, newYork); err != nil || len(starts) != 1 || starts[0].UTC().Hour() != 5 {
		t.Errorf("the repeated hour: %v %v", starts, err)
	}
}

// TestWhenIsTotal: whatever is said, there is an answer, and its times are of the day that was said.
func TestWhenIsTotal(t *testing.T) {
	t.Parallel()
	words := strings.Fields(`at on the next tuesday martes el la las de manana pasado noon half past quarter to three 3 15 24 th pm am : 15:00 24/11
		2026 november noviembre in en dos two hours horas media y menos por tarde night de 2026-11-24 mediodia the this a an oh`)
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 9).Draw(rt, "words"), " ") + rapid.StringN(0, 3, -1).Draw(rt, "junk")
		w, err := ParseWhen(text, sunday, newYork)
		if err != nil {
			return
		}
		starts, err := w.Starts(sunday, newYork)
		if w.HasTime() == (err != nil) && !errors.Is(err, calendar.ErrGap) {
			rt.Fatalf("%q: %v", text, err)
		}
		for _, s := range starts {
			if w.At.IsZero() && s.Format(time.DateOnly) != w.Day.Format(time.DateOnly) {
				rt.Fatalf("%q: %v is not of %v", text, s, w.Day)
			}
		}
	})
}

// FuzzParse: what is read of what somebody says is a time that a clock and a calendar can show, or digits alone; folded text
// folds to itself.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"tomorrow at 3 pm", "el martes a las 10", "one two three", "doble cinco", "a.m.", "3/4", "\xff", "2026-11-24T15:00:00-05:00", "2027-03-14T02:30",
		"in 99999999999999999999 hours", "triple triple nine", "١٢:٣٠", "tuesday\u202e at 3", "31/02", "25:61", strings.Repeat("one ", 500), "half past noon pm am", "double", "0ϓ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if digits, ok := Digits(text); ok && (digits == "" || strings.Trim(digits, "0123456789") != "") {
			t.Fatalf("%q: digits %q", text, digits)
		}
		if once := Fold(text); Fold(once) != once {
			t.Fatalf("%q folds to %q, then to %q", text, once, Fold(once))
		}
		w, err := ParseWhen(text, sunday, newYork)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) || len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if !w.Day.IsZero() && (w.Day.Hour() != 0 || w.Day.Location() != time.UTC) || w.Part.From < 0 || w.Part.To > 24 {
			t.Fatalf("%q: %+v", text, w)
		}
		for _, m := range w.Clock {
			if m < 0 || m >= 24*60 {
				t.Fatalf("%q: %d minutes", text, m)
			}
		}
		if _, err := w.Starts(sunday, newYork); w.HasTime() == (err != nil) && !errors.Is(err, calendar.ErrGap) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
