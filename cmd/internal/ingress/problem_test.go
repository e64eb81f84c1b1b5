package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast/handlers"
	"holdfast/store"
)

func TestErrorTable(t *testing.T) {
	t.Parallel()
	sql := func(code string) error {
		return fmt.Errorf("booking: %w", &pgconn.PgError{Code: code, Message: "row (Ana Lee)"})
	}
	for _, tt := range []struct {
		err   error
		kind  string
		field string
		retry string
	}{
		{fmt.Errorf("booking 4: %w", store.ErrNotFound), "not-found", "", ""},
		{fmt.Errorf("x: %w", store.ErrKeyReused), "key-reused", "Idempotency-Key", ""},
		{&store.Refusal{Kind: "outside-hours", Field: "start"}, "outside-hours", "start", ""},
		{fmt.Errorf("x: %w", handlers.NewProblem("invalid-phone", "customer.phone", "")), "invalid-phone", "customer.phone", ""},
		{handlers.NewProblem("sms-unavailable", "", ""), "sms-unavailable", "", "60"},
		{newProblem("forbidden", "", ""), "forbidden", "", ""},
		{sql("40001"), "temporarily-unavailable", "", "2"},
		{sql("55P03"), "temporarily-unavailable", "", "2"},
		{sql("57P01"), "temporarily-unavailable", "", "2"},
		{sql("57014"), "temporarily-unavailable", "", "2"},
		{sql("53100"), "temporarily-unavailable", "", "2"},
		{sql("08006"), "temporarily-unavailable", "", "2"},
		{fmt.Errorf("postgres: %w", context.DeadlineExceeded), "temporarily-unavailable", "", "2"},
		{fmt.Errorf("postgres: %w", io.ErrUnexpectedEOF), "temporarily-unavailable", "", "2"},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, "temporarily-unavailable", "", "2"},
		{sql("23505"), "internal-error", "", ""},
		{sql("22021"), "internal-error", "", ""},
		{errors.New("anything about Ana Lee"), "internal-error", "", ""},
	} {
		p := problemOf(tt.err)
		if p.Type != handlers.ProblemBase+tt.kind || p.Field != tt.field || p.GetHeaders().Get("Retry-After") != tt.retry {
			t.Errorf("%v: %+v %v", tt.err, p.Problem, p.header)
		}
		if p.Status != handlers.ProblemKinds[tt.kind].Status || strings.Contains(p.Detail+p.Title, "Ana") {
			t.Errorf("%v: %+v", tt.err, p.Problem)
		}
	}
}

// TestKindsExist: every kind that the code can answer is in the one table of kinds.
func TestKindsExist(t *testing.T) {
	t.Parallel()
	for _, row := range errorTable {
		if _, ok := handlers.ProblemKinds[row.kind]; !ok {
			t.Errorf("%s is in no table", row.kind)
		}
	}
	for _, kind := range []string{"invalid-json", "missing-field", "body-too-large", "not-acceptable", "unsupported-media", "method-not-allowed", "unauthorized", "forbidden"} {
		if p := newProblem(kind, "", ""); p.Status == 500 {
			t.Errorf("%s is in no table", kind)
		}
	}
}

func TestHumaProblem(t *testing.T) {
	t.Parallel()
	at := func(location, message string) error {
		return &huma.ErrorDetail{Location: location, Message: message, Value: "+15550100042"}
	}
	for _, tt := range []struct {
		status      int
		err         error
		kind, field string
	}{
		{422, at("query.from", "expected value to be one of"), "invalid-request", "from"},
		{422, at("body.customer.phone", "expected string"), "invalid-request", "customer.phone"},
		{422, at("body.customer", "expected required property phone to be present"), "missing-field", "customer.phone"},
		{422, at("body.start", "expected required property start to be present"), "missing-field", "start"},
		{422, at("query.resource", "required query parameter is missing"), "missing-field", "resource"},
		{400, at("body", `invalid character 'A' looking for "Ana"`), "invalid-json", ""},
		{415, nil, "unsupported-media", ""},
		{500, errors.New("Ana"), "internal-error", ""},
		{418, nil, "internal-error", ""},
	} {
		var errs []error
		if tt.err != nil {
			errs = []error{tt.err}
		}
		p := humaProblem(tt.status, errs)
		if p.Type != handlers.ProblemBase+tt.kind || p.Field != tt.field || strings.Contains(p.Detail, "Ana") || strings.Contains(p.Detail, "+1555") {
			t.Errorf("%d %v: %+v", tt.status, tt.err, p.Problem)
		}
	}
}
