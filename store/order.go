package store

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"holdfast/store/calendar"
)

// leastBusy orders resources by how little of what is taken is theirs.
func leastBusy(resources []Resource, busy map[uuid.UUID][]calendar.Busy) []Resource {
	sorted := slices.Clone(resources)
	slices.SortStableFunc(sorted, func(a, b Resource) int { return cmp.Compare(len(busy[a.ID]), len(busy[b.ID])) })
	return sorted
}

// LeastBusy orders candidates by how little of the time in busy is theirs.
func LeastBusy(candidates []Candidate, busy map[uuid.UUID][]calendar.Busy) []Candidate {
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b Candidate) int {
		return cmp.Compare(len(busy[a.Resource.ID]), len(busy[b.Resource.ID]))
	})
	return sorted
}

func sortOpenings(all []Opening, by func(Opening) int64) {
	slices.SortStableFunc(all, func(a, b Opening) int { return cmp.Compare(by(a), by(b)) })
}
