package ingress

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"holdfast/handlers"
	"holdfast/store"
)

func (in *Ingress) transcriptRoutes() {
	register(in, opTranscript, func(ctx context.Context, c *call, _ *OrgInput) (*reply, error) {
		s, err := in.transcript(c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
	register(in, opFindTranscript, func(ctx context.Context, c *call, i *IDInput) (*output[handlers.TranscriptView], error) {
		t, err := readID(ctx, in, c, i.ID, in.loadTranscript)
		if err != nil {
			return nil, err
		}
		return &output[handlers.TranscriptView]{handlers.ViewTranscript(t)}, nil
	})
	register(in, opReport, func(ctx context.Context, c *call, i *IDInput) (*reply, error) {
		id, err := pathID(i.ID)
		if err != nil {
			return nil, err
		}
		s, err := in.report(id, c.key, c.body)
		if err != nil {
			return nil, err
		}
		return in.fromAPI(ctx, c, s)
	})
}

// transcript reads what was said in a call.
func (in *Ingress) transcript(raw []byte) (submission, error) {
	body, err := decode[handlers.TranscriptBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	body = body.Seen()
	if p := body.Check(); p != nil {
		return submission{}, p
	}
	s := submission{kind: kindTranscript, body: body}
	if body.BookingID != "" {
		s.check = func(ctx context.Context, tx *store.Tx) error {
			_, err := handlers.ResolveCall(ctx, tx, in.keys, body)
			return err
		}
	}
	return s, nil
}

// report reads what somebody found wrong in a transcript.
func (in *Ingress) report(transcript, key uuid.UUID, raw []byte) (submission, error) {
	body, err := decode[handlers.ReportBody](raw, "")
	if err != nil {
		return submission{}, err
	}
	if p := body.Check(); p != nil {
		return submission{}, p
	}
	ref := handlers.ReportRef{Transcript: transcript, Actor: key.String(), Report: body}
	same := handlers.ReportRef{Transcript: transcript, Report: body} // by whichever key
	return submission{kind: kindReport, body: ref, same: same, check: func(ctx context.Context, tx *store.Tx) error {
		_, _, err := handlers.ResolveReport(ctx, tx, in.keys, ref)
		return err
	}}, nil
}

func (in *Ingress) loadTranscript(ctx context.Context, tx *store.Tx, id uuid.UUID) (store.Transcript, error) {
	return store.LoadTranscript(ctx, tx, in.keys, id)
}

// withText puts the text into a stored answer that is a transcript: answers are not sealed, so it was left out.
func (in *Ingress) withText(ctx context.Context, org uuid.UUID, a store.Answer) (store.Answer, error) {
	if a.Kind != kindTranscript.name || a.Status != http.StatusCreated {
		return a, nil
	}
	var made handlers.TranscriptView
	if err := json.Unmarshal(a.Body, &made); err != nil {
		return a, err
	}
	t, err := read(ctx, in, org, func(ctx context.Context, tx *store.Tx) (store.Transcript, error) {
		return in.loadTranscript(ctx, tx, made.ID)
	})
	if err != nil {
		return a, err
	}
	a.Body, err = json.Marshal(handlers.ViewTranscript(t))
	return a, err
}
