package validate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// calendar finds days for checks.
type calendar struct {
	api      *client
	resource string

	mu    sync.Mutex
	zone  *time.Location
	from  time.Time // where the next look begins
	days  [][]slot
	early string // the earliest local time of day that any day offers
}

// openings lists the starts from one moment or date to another.
func (c *calendar) openings(ctx context.Context, from, to string) (openings, error) {
	return get[openings](ctx, c.api, c.api.route("/availability"+query("resource", c.resource, "from", from, "to", to)))
}

// Days are taken from far ahead, beginning anywhere, so that two runs at once and the org's own customers seldom
// want the same.
const (
	nearest  = 21  // days from now
	spread   = 300 // days
	perLook  = 31  // days that the API lists at once
	mostLook = 6
)

// day is a day with at least n free starts that no other check is given. Nights when the clocks change are left
// out: they have checks of their own.
func (c *calendar) day(ctx context.Context, n int) ([]slot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range mostLook {
		for i, d := range c.days {
			if len(d) >= n {
				c.days = slices.Delete(c.days, i, i+1)
				return d, nil
			}
		}
		if err := c.look(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the resource has no day with %d free starts", n)
}

// look finds more days.
func (c *calendar) look(ctx context.Context) error {
	if c.from.IsZero() {
		c.from = time.Now().AddDate(0, 0, nearest+random(spread))
	}
	to := c.from.AddDate(0, 0, perLook)
	o, err := c.openings(ctx, c.from.Format(time.DateOnly), to.Format(time.DateOnly))
	if err != nil {
		return err
	}
	if c.zone, err = time.LoadLocation(o.TimeZone); err != nil {
		return fmt.Errorf("time_zone: %w", err)
	}
	c.from = to
	byDate := make(map[string][]slot)
	var dates []string
	for _, s := range o.Slots {
		date, hour, _ := strings.Cut(s.Start, "T")
		if c.early == "" || hour < c.early {
			c.early = hour
		}
		if byDate[date] == nil {
			dates = append(dates, date)
		}
		byDate[date] = append(byDate[date], s)
	}
	for _, date := range dates {
		if at, err := time.ParseInLocation(time.DateOnly, date, c.zone); err == nil && at.AddDate(0, 0, 1).Sub(at) == 24*time.Hour {
			c.days = append(c.days, byDate[date])
		}
	}
	return nil
}

// where is the resource's zone.
func (c *calendar) where(ctx context.Context) (*time.Location, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zone == nil {
		if err := c.look(ctx); err != nil {
			return nil, err
		}
	}
	return c.zone, nil
}

// first is the earliest time of day that was offered, as 08:00:00 and an offset.
func (c *calendar) first() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.early
}
