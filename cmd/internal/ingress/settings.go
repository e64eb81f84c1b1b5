package ingress

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"holdfast/cmd/internal/telemetry"
	"holdfast/handlers/settings"
	"holdfast/store"
)

const headerIfMatch = "If-Match"

// settingsInput is the condition of a change.
type settingsInput struct {
	OrgInput
	IfMatch string `header:"If-Match" doc:"ETags of versions that may be replaced; by default any."`
}

// settingsReply is the document and its version.
type settingsReply struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body settings.Document
}

// settingsRoutes write in their own transaction and through no task: see docs/decisions.md.
func (in *Ingress) settingsRoutes() {
	register(in, opSettings, func(ctx context.Context, c *call, _ *OrgInput) (*settingsReply, error) {
		defer markDB(ctx, time.Now())
		return read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) (*settingsReply, error) {
			return replySettings(settings.Get(ctx, tx, in.defaults))
		})
	})
	register(in, opSetSettings, func(ctx context.Context, c *call, i *settingsInput) (*settingsReply, error) {
		if _, err := decode[map[string]json.RawMessage](c.body, ""); err != nil {
			return nil, err
		}
		by := settings.By{Actor: c.key.String(), Request: telemetry.RequestID(ctx), If: matching(i.IfMatch)}
		ctx, cancel := detached(ctx)
		defer cancel()
		defer markDB(ctx, time.Now())
		// Offers carry what the org allows. Other processes believe theirs for some seconds; the claim, which decides,
		// believes none.
		defer in.offers.forget(func(w wanted) bool { return w.org == c.org })
		defer in.limits.forget(func(org uuid.UUID) bool { return org == c.org })
		return read(ctx, in, c.org, func(ctx context.Context, tx *store.Tx) (*settingsReply, error) {
			return replySettings(settings.Set(ctx, tx, c.body, in.defaults, by))
		})
	})
}

func replySettings(d settings.Document, version int, err error) (*settingsReply, error) {
	if err != nil {
		return nil, err
	}
	return &settingsReply{ETag: etag(version), Body: d}, nil
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// matching judges a version by If-Match (RFC 9110, section 13.1.1): it is listed, or anything will do. A weak tag
// matches nothing.
func matching(header string) func(version int) bool {
	if strings.TrimSpace(header) == "" {
		return nil
	}
	return func(version int) bool {
		for tag := range strings.SplitSeq(header, ",") {
			if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) {
				return true
			}
		}
		return false
	}
}
