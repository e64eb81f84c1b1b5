package twiliosim

import (
	"sort"
)

// maxMessages bounds the memory of a double that runs for days under load.
const maxMessages = 100_000

// book keeps the newest messages, in order of creation, with the indexes that lists need.
type book struct {
	max       int
	seq       uint64
	all       series
	bySID     map[string]*record
	byTo      map[string]*series
	byAccount map[string]*series
}

// series is a list of records in order of creation.
type series struct{ records []*record }

func newBook(limit int) book {
	return book{max: limit, bySID: map[string]*record{}, byTo: map[string]*series{}, byAccount: map[string]*series{}}
}

func (b *book) add(m *record) {
	b.seq++
	m.seq = b.seq
	b.bySID[m.sid] = m
	b.all.add(m)
	seriesOf(b.byTo, m.to).add(m)
	seriesOf(b.byAccount, m.account).add(m)
	for len(b.all.records) > b.max {
		b.dropOldest()
	}
}

// dropOldest is cheap since the oldest of all is the first of each series that it is in.
func (b *book) dropOldest() {
	m := b.all.records[0]
	delete(b.bySID, m.sid)
	b.all.shift()
	shiftOf(b.byTo, m.to)
	shiftOf(b.byAccount, m.account)
}

// texts lists newest limit messages (0: all), oldest first; received includes what phones sent in.
func (b *book) texts(to string, received bool, limit int) []Message {
	from := &b.all
	if to != "" && !received {
		from = seriesOrNone(b.byTo, to)
	}
	out := []Message{}
	for i := len(from.records) - 1; i >= 0 && (limit == 0 || len(out) < limit); i-- {
		m := from.records[i]
		if m.direction == inbound && (!received || to != "" && m.sender != to) {
			continue
		}
		if m.direction != inbound && to != "" && m.to != to {
			continue
		}
		out = append(out, m.public())
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// lastTo finds the newest text to a phone: a reply without an addressee answers that one.
func (b *book) lastTo(phone string) *record {
	rs := seriesOrNone(b.byTo, phone).records
	for i := len(rs) - 1; i >= 0; i-- {
		if rs[i].direction != inbound {
			return rs[i]
		}
	}
	return nil
}

func seriesOf(m map[string]*series, key string) *series {
	s := m[key]
	if s == nil {
		s = &series{}
		m[key] = s
	}
	return s
}

func seriesOrNone(m map[string]*series, key string) *series {
	if s := m[key]; s != nil {
		return s
	}
	return &series{}
}

func shiftOf(m map[string]*series, key string) {
	s := m[key]
	if s.shift(); len(s.records) == 0 {
		delete(m, key) // else a walk over a million numbers would stay in memory
	}
}

func (s *series) add(m *record) { s.records = append(s.records, m) }

func (s *series) shift() {
	s.records[0] = nil
	s.records = s.records[1:]
}

// after is the index of the first record younger than seq.
func (s *series) after(seq uint64) int {
	return sort.Search(len(s.records), func(i int) bool { return s.records[i].seq > seq })
}
