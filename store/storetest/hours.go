package storetest

import "holdfast/store/calendar"

// Daily is 8:00-18:00 every day.
func Daily() []calendar.Hours { return calendar.Daily(8*60, 18*60) }
