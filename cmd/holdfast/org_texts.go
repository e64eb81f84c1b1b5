package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/handlers/settings"
	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
)

type orgTextsCmd struct {
	Org      string `arg:"" help:"Id or slug."`
	Kind     string `help:"Only this kind, as confirmation."`
	Locale   string `enum:",en,es" default:"" help:"Only this language, en or es."`
	Settings string `type:"path" placeholder:"FILE" help:"Take the templates of this document, which is not set; - is standard input."`
	JSON     bool   `help:"Print it as JSON."`
}

// Help is what --help adds to the flags.
func (*orgTextsCmd) Help() string {
	return `Each text is printed as a customer would get it: with the organisation's name and templates, its first service and resource, and
tomorrow at three in the resource's zone. Nothing is written, and nothing is sent.`
}

// preview is a text as it would be sent.
type preview struct {
	Kind     sms.Kind `json:"kind"`
	Locale   string   `json:"locale"`
	Own      bool     `json:"own"` // the org's own template
	Text     string   `json:"text"`
	Segments int      `json:"segments"`
	Encoding string   `json:"encoding"`
}

// Run prints the texts. A document that may not be set is an error, after those of its texts that could be.
func (c *orgTextsCmd) Run(e *env) error {
	if c.Kind != "" && !slices.Contains(sms.Kinds(), sms.Kind(c.Kind)) {
		return errors.New("texts: --kind wants one of " + strings.Trim(fmt.Sprint(sms.Kinds()), "[]"))
	}
	var document []byte
	if c.Settings != "" {
		var err error
		if document, err = e.document(c.Settings); err != nil {
			return err
		}
	}
	return e.asReader(func(db *pgxpool.Pool) error {
		o, err := findOrg(e.ctx, db, c.Org)
		if err != nil {
			return err
		}
		words, wrong, offer, err := e.wording(db, o, document)
		if err != nil {
			return explain("texts", err)
		}
		shown, err := c.render(words, wrong, sampleText(o, offer, e.cfg.CodeTTL, time.Now()))
		if err != nil {
			return err
		}
		if c.JSON {
			err = e.printJSON(map[string]any{"texts": shown, "wrong": append(settings.Invalid{}, wrong...)})
		} else {
			err = printTexts(e.stdout, shown)
		}
		if err == nil && wrong != nil {
			return fmt.Errorf("settings: %w", wrong)
		}
		return err
	})
}

// wording reads what the org's texts say, by a document or, without one, by its settings; what is wrong with the
// document; and what they are about.
func (e *env) wording(db *pgxpool.Pool, o store.Org, document []byte) (words sms.Wording, wrong settings.Invalid, offer store.SampleOffer, err error) {
	_, err = store.InTx(e.ctx, db, o.ID, func(tx *store.Tx) (err error) {
		if offer, err = store.FindSampleOffer(e.ctx, tx); err != nil {
			return err
		}
		var d settings.Document
		if document == nil {
			d, _, err = settings.Get(e.ctx, tx, e.installation())
		} else if d, err = settings.Parse(document, o.Region, e.installation()); errors.As(err, &wrong) {
			err = nil
		}
		words = d.Templates
		return err
	})
	return words, wrong, offer, err
}

// document reads a settings document that is not set.
func (e *env) document(path string) ([]byte, error) {
	in := e.stdin
	if path != "-" {
		f, err := os.Open(path) // #nosec G304 -- named by who runs the command, with his own rights
		if err != nil {
			return nil, fmt.Errorf("--settings: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxSettings+1))
	if err != nil {
		return nil, fmt.Errorf("--settings: %w", err)
	}
	if len(raw) == 0 || len(raw) > maxSettings {
		return nil, errors.New("--settings: want one JSON object of at most 64 KiB")
	}
	return raw, nil
}

// sampleText is a booking for tomorrow at three, by a customer where the resource is.
func sampleText(o store.Org, offer store.SampleOffer, codeTTL time.Duration, now time.Time) sms.Data {
	place, err := time.LoadLocation(cmp.Or(offer.TimeZone, o.TimeZone))
	if err != nil { // zones are checked when they are stored
		place = time.UTC
	}
	y, m, d := now.In(place).Date()
	start := time.Date(y, m, d+1, 15, 0, 0, 0, place)
	return sms.Data{
		Org: o.Name, Name: "Alex", Resource: offer.Resource, Service: offer.Service, Notes: sms.FitNote("first visit"),
		Start: start, Place: place, Code: pii.NewCode("123456"), ValidFor: codeTTL,
		Choices: []sms.Choice{{Start: start.Add(30 * time.Minute)}, {Start: start.Add(time.Hour)}, {Start: start.AddDate(0, 0, 1)}},
	}
}

// render fills in the templates that are asked for, but for those that are wrong.
func (c *orgTextsCmd) render(words sms.Wording, wrong settings.Invalid, d sms.Data) ([]preview, error) {
	shown := []preview{}
	ours := sms.DefaultWording()
	for _, locale := range sms.Languages() {
		for _, kind := range sms.Kinds() {
			path := "templates." + locale + "." + string(kind)
			if c.Kind != "" && c.Kind != string(kind) || c.Locale != "" && c.Locale != locale ||
				slices.ContainsFunc(wrong, func(b settings.Broken) bool { return concerns(b.Field, path) }) {
				continue
			}
			body, err := words.Render(kind, locale, d)
			if err != nil {
				return nil, err
			}
			p := preview{Kind: kind, Locale: locale, Own: words[locale][kind] != ours[locale][kind], Text: body.Reveal()}
			p.Segments, p.Encoding = sms.Segments(p.Text)
			shown = append(shown, p)
		}
	}
	return shown, nil
}

// concerns reports whether what is wrong at a path of the document bears on the value at another.
func concerns(broken, path string) bool {
	return broken == "" || broken == path || strings.HasPrefix(path, broken+".")
}

func printTexts(w io.Writer, shown []preview) error {
	for _, p := range shown {
		own := ""
		if p.Own {
			own = ", own words"
		}
		_, err := fmt.Fprintf(w, "%s %s: %d SMS, %s%s\n  %s\n", p.Kind, p.Locale, p.Segments, p.Encoding, own, strings.ReplaceAll(p.Text, "\n", "\n  "))
		if err != nil {
			return err
		}
	}
	return nil
}
