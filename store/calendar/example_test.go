package calendar_test

import (
	"fmt"
	"time"

	"holdfast/store/calendar"
)

func ExampleCalendar_Slots() {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		fmt.Println(err)
		return
	}
	c := calendar.Calendar{
		Zone: ny, Hours: calendar.Daily(9*60, 12*60), Seats: 2,
		Length: 30 * time.Minute, Before: 5 * time.Minute, After: 10 * time.Minute,
	}
	day := time.Date(2027, 6, 1, 0, 0, 0, 0, ny)
	first := calendar.Span{Start: day.Add(9 * time.Hour), End: day.Add(9*time.Hour + 30*time.Minute)}
	busy := []calendar.Busy{{Seat: 0, Span: c.Reserve(first)}}
	for _, s := range c.Slots(day, day.AddDate(0, 0, 1), busy) {
		fmt.Println(s.Start.Format("15:04"), s.Seats)
	}
	// Output:
	// 09:00 1
	// 09:45 2
	// 10:30 2
	// 11:15 2
}

func ExampleParseStart() {
	ny, err := time.LoadLocation("America/New_York")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"2027-06-01T10:00", "2027-11-07T01:30", "2027-03-14T02:30"} {
		t, err := calendar.ParseStart(text, ny)
		if err != nil {
			fmt.Println(text, err)
			continue
		}
		fmt.Println(t.Format(time.RFC3339))
	}
	// Output:
	// 2027-06-01T10:00:00-04:00
	// 2027-11-07T01:30:00-04:00
	// 2027-03-14T02:30 does not exist on that day: the clocks are put forward over it
}
