package store

// The statements that walk an index of what is due, for the test that looks at their plans.
const (
	TakeFollowupsSQL = takeFollowups
	TakeRemindersSQL = takeReminders
	LoadErasureSQL   = loadErasure
	TheirRequestsSQL = theirRequests
	FormerSQL        = formerCustomers
	OnceSQL          = onceBookings
)

// SealedColumn is sealedColumn for tests.
type SealedColumn struct{ Table, Column, Key, Purpose string }

// SealedColumns are the columns that Reseal walks.
func SealedColumns() (all []SealedColumn) {
	for _, c := range sealedColumns {
		all = append(all, SealedColumn{c.table, c.column, c.key, c.purpose})
	}
	return all
}
