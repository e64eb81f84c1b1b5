package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/cmd/internal/boot"
	"holdfast/cmd/internal/config"
	"holdfast/store"
	"holdfast/store/calendar"
	"holdfast/store/pii"
)

type orgCmd struct {
	Create      orgCreateCmd      `cmd:"" help:"Create an organisation."`
	List        orgListCmd        `cmd:"" help:"List organisations."`
	Credentials orgCredentialsCmd `cmd:"" help:"The organisation's own Twilio account."`
	Key         orgKeyCmd         `cmd:"" help:"API keys."`
	Resource    orgResourceCmd    `cmd:"" help:"What can be booked."`
	Service     orgServiceCmd     `cmd:"" help:"What is done in an appointment."`

	PauseSMS  orgPauseCmd  `cmd:"" name:"pause-sms" help:"Make the organisation's texts wait."`
	ResumeSMS orgResumeCmd `cmd:"" name:"resume-sms" help:"Let them go, whatever stopped them."`

	SecurityEvents orgSecurityEventsCmd `cmd:"" name:"security-events" help:"What was tried that should not be: keys on other orgs' paths, forged signatures."`

	Settings      orgSettingsCmd      `cmd:"" help:"What the organisation decides for itself, as JSON."`
	Texts         orgTextsCmd         `cmd:"" help:"Print its texts as customers would get them, or as they would by settings that are not set yet."`
	WebhookSecret orgWebhookSecretCmd `cmd:"" help:"Secrets of incoming webhooks."`

	Erase orgEraseCmd `cmd:"" help:"Erase customers, as the API does; after a restore, those who were erased since the backup."`

	Endpoint       orgEndpointCmd       `cmd:"" help:"The organisation's own endpoint, which is told of its bookings."`
	EndpointSecret orgEndpointSecretCmd `cmd:"" help:"Secrets that sign what that endpoint is told."`
}

// asOwner runs do with the owner's pool and the keys.
func (e *env) asOwner(do func(db *pgxpool.Pool, keys *pii.Keyring) error) error {
	if err := e.cfg.Requires(config.Org); err != nil {
		return err
	}
	keys, _, err := boot.OpenKeyring(e.cfg, e.log)
	if err != nil {
		return err
	}
	db, err := store.Open(e.ctx, e.cfg.OwnerDatabaseURL.Reveal(), 2)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(db, keys)
}

// asOrg is asOwner for one org, named by id or slug.
func (e *env) asOrg(ref string, do func(db *pgxpool.Pool, keys *pii.Keyring, org store.Org) error) error {
	return e.asOwner(func(db *pgxpool.Pool, keys *pii.Keyring) error {
		o, err := findOrg(e.ctx, db, ref)
		if err != nil {
			return err
		}
		return do(db, keys, o)
	})
}

// audited makes a change to an org, and a row of its audit log with it.
func (e *env) audited(db *pgxpool.Pool, org uuid.UUID, action, subject string, do func(tx *store.Tx) error) error {
	_, err := store.InTx(e.ctx, db, org, func(tx *store.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: action, Subject: subject})
		return nil
	})
	return err
}

// findOrg finds the org named by id or slug.
func findOrg(ctx context.Context, db *pgxpool.Pool, ref string) (store.Org, error) {
	all, err := store.ListOrgs(ctx, db)
	if err != nil {
		return store.Org{}, err
	}
	for _, o := range all {
		if o.ID.String() == ref || o.Slug == ref {
			return o, nil
		}
	}
	return store.Org{}, errors.New("org: there is none with that id or slug")
}

type orgCreateCmd struct {
	Slug     string `arg:"" help:"Short name: a-z, 0-9 and dashes."`
	Name     string `required:"" help:"Public name, as texts show it."`
	TimeZone string `required:"" help:"IANA time zone, as America/New_York."`
	Locale   string `default:"en" enum:"en,es" help:"Language of texts."`
	Region   string `default:"US" help:"ISO region of phone numbers in national form."`
}

// Run creates the org.
func (c *orgCreateCmd) Run(e *env) error {
	if err := checkZone(c.TimeZone); err != nil {
		return err
	}
	return e.asOwner(func(db *pgxpool.Pool, _ *pii.Keyring) error {
		o := store.Org{ID: uuid.New(), Slug: c.Slug, Name: c.Name, TimeZone: c.TimeZone, Locale: c.Locale, Region: c.Region}
		if err := e.audited(db, o.ID, "org.create", o.ID.String(), func(tx *store.Tx) error { return store.CreateOrg(e.ctx, tx, o) }); err != nil {
			return explain("org", err)
		}
		fmt.Fprintln(e.stdout, o.ID)
		return nil
	})
}

type orgListCmd struct{}

// Run lists orgs.
func (orgListCmd) Run(e *env) error {
	return e.asOwner(func(db *pgxpool.Pool, _ *pii.Keyring) error {
		all, err := store.ListOrgs(e.ctx, db)
		if err != nil {
			return err
		}
		pauses, err := store.ListPauses(e.ctx, db)
		if err != nil {
			return err
		}
		texts := make(map[uuid.UUID]string)
		for _, p := range pauses {
			texts[p.Org] = pauseLine(p)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSLUG\tNAME\tTIME ZONE\tLOCALE\tTEXTS")
		for _, o := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Slug, o.Name, o.TimeZone, o.Locale, cmp.Or(texts[o.ID], "go"))
		}
		return w.Flush()
	})
}

type orgResourceCmd struct {
	Create orgResourceCreateCmd `cmd:"" help:"Create a resource."`
}

type orgResourceCreateCmd struct {
	Org          string `arg:"" help:"Id or slug."`
	Slug         string `arg:"" help:"Short name: a-z, 0-9 and dashes."`
	Name         string `required:"" help:"Public name."`
	TimeZone     string `help:"IANA time zone; the org's by default."`
	Seats        int    `default:"1" help:"Bookings that fit side by side."`
	Minutes      int    `default:"30" help:"Default length."`
	BufferBefore int    `help:"Minutes kept free before."`
	BufferAfter  int    `help:"Minutes kept free after."`
	Hours        string `default:"08:00-18:00" help:"Opening hours of every day."`
}

// Run creates a resource.
func (c *orgResourceCreateCmd) Run(e *env) error {
	var oh, om, ch, cm int
	if n, _ := fmt.Sscanf(c.Hours, "%d:%d-%d:%d", &oh, &om, &ch, &cm); n != 4 {
		return errors.New("resource: --hours wants HH:MM-HH:MM")
	}
	if c.TimeZone != "" {
		if err := checkZone(c.TimeZone); err != nil {
			return err
		}
	}
	return e.asOrg(c.Org, func(db *pgxpool.Pool, _ *pii.Keyring, o store.Org) error {
		r := store.NewResource{ID: uuid.New(), Slug: c.Slug, Name: c.Name, TimeZone: c.TimeZone, Seats: c.Seats,
			DefaultMinutes: c.Minutes, BufferBefore: c.BufferBefore, BufferAfter: c.BufferAfter,
			Hours: calendar.Daily(oh*60+om, ch*60+cm)}
		if r.TimeZone == "" {
			r.TimeZone = o.TimeZone
		}
		if err := e.audited(db, o.ID, "resource.create", r.ID.String(), func(tx *store.Tx) error { return store.CreateResource(e.ctx, tx, o.ID, r) }); err != nil {
			return explain("resource", err)
		}
		fmt.Fprintln(e.stdout, r.ID)
		return nil
	})
}

func checkZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return errors.New("--time-zone: want an IANA name, as America/New_York")
	}
	return nil
}

// explain turns a constraint's refusal into the rule it stands for.
func explain(what string, err error) error {
	switch store.Code(err) {
	case "":
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%s: there is none", what)
		}
		return err
	case "23505":
		return fmt.Errorf("%s: exists already", what)
	case "23514":
		return fmt.Errorf("%s: a value breaks the rule %s", what, store.Safe(err))
	}
	return fmt.Errorf("%s: %s", what, store.Safe(err))
}

type orgServiceCmd struct {
	Create orgServiceCreateCmd `cmd:"" help:"Create a service that resources can do."`
}

type orgServiceCreateCmd struct {
	Org      string   `arg:"" help:"Id or slug."`
	Slug     string   `arg:"" help:"Short name: a-z, 0-9 and dashes."`
	Name     string   `required:"" help:"Public name, as texts show it."`
	Minutes  int      `required:"" help:"Length."`
	Resource []string `required:"" help:"Ids of the resources that do it."`
}

// Run creates a service.
func (c *orgServiceCreateCmd) Run(e *env) error {
	ids := make([]uuid.UUID, len(c.Resource))
	for i, r := range c.Resource {
		var err error
		if ids[i], err = uuid.Parse(r); err != nil {
			return errors.New("service: --resource wants ids, as resource create prints them")
		}
	}
	return e.asOrg(c.Org, func(db *pgxpool.Pool, _ *pii.Keyring, o store.Org) error {
		id := uuid.New()
		err := e.audited(db, o.ID, "service.create", id.String(), func(tx *store.Tx) error {
			return store.CreateService(e.ctx, tx, o.ID, id, c.Slug, c.Name, c.Minutes, ids...)
		})
		if err != nil {
			return explain("service", err)
		}
		fmt.Fprintln(e.stdout, id)
		return nil
	})
}
