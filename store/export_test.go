package store

// The statements that walk an index of what is due, for the test that looks at their plans.
const (
	TakeFollowupsSQL = takeFollowups
	TakeRemindersSQL = takeReminders
)
