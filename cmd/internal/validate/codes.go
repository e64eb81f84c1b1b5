package validate

import (
	"context"
	"fmt"
	"net/http"
)

var codeChecks = []check{
	{name: "wrong-code", promise: "a wrong code is counted, and the right one still confirms", needs: []need{needDouble}, run: wrongCode},
	{name: "fifth-wrong", promise: "the fifth wrong code ends the code", needs: []need{needDouble}, run: fifthWrong},
	{name: "used-code", promise: "a code works once", needs: []need{needDouble}, run: usedCode},
	{name: "sms-reply", promise: "a reply with the code confirms", needs: []need{needDouble}, run: smsReply},
}

// attempts is how many wrong codes a booking takes.
const attempts = 5

// wrong is the n-th of the codes that are not this one.
func wrong(code string, n int) string {
	digit := func(at, by int) byte { return '0' + (code[at]-'0'+byte(by))%10 }
	return string([]byte{digit(0, n), digit(1, 1), digit(2, 1), digit(3, 1), digit(4, 1), digit(5, 1)})
}

func wrongCode(ctx context.Context, s *system) (string, error) {
	b, _, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	for n := 1; n < attempts; n++ {
		a, err := s.verify(ctx, b.ID, wrong(code, n))
		if err != nil {
			return "", err
		}
		left := read[problemView](a).AttemptsLeft
		if !a.is(http.StatusUnprocessableEntity, "wrong-code") || left == nil || *left != attempts-n {
			return "", fmt.Errorf("wrong code number %d: %v, attempts_left %s; want 422 wrong-code, %d", n, a, shown(left), attempts-n)
		}
	}
	a, err := s.verify(ctx, b.ID, code)
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("the right code after %d wrong ones: %v", attempts-1, a)
	}
	return fmt.Sprintf("attempts_left counted down from %d to 1 with 422 wrong-code; then the right code confirmed", attempts-1), err
}

func shown(n *int) string {
	if n == nil {
		return "missing"
	}
	return fmt.Sprint(*n)
}

func fifthWrong(ctx context.Context, s *system) (string, error) {
	b, _, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	for n := 1; n <= attempts; n++ {
		if _, err := s.verify(ctx, b.ID, wrong(code, n)); err != nil {
			return "", err
		}
	}
	a, err := s.verify(ctx, b.ID, code)
	if err != nil {
		return "", err
	}
	if !a.is(http.StatusConflict, "code-revoked") {
		return "", fmt.Errorf("the right code after %d wrong ones: %v, want 409 code-revoked", attempts, a)
	}
	now, err := s.booking(ctx, b.ID)
	if err == nil && (now.CodeState != "revoked" || now.State == "confirmed") {
		err = fmt.Errorf("after %d wrong codes the booking is %s, its code %s", attempts, now.State, now.CodeState)
	}
	return fmt.Sprintf("after %d wrong codes the right one got 409 code-revoked; code_state revoked", attempts), err
}

func usedCode(ctx context.Context, s *system) (string, error) {
	b, _, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	first, err := s.verify(ctx, b.ID, code)
	if err != nil {
		return "", err
	}
	second, err := s.verify(ctx, b.ID, code)
	if err == nil && (first.status != http.StatusOK || !second.is(http.StatusConflict, "already-confirmed")) {
		err = fmt.Errorf("a code given twice: %v, then %v; want 200, then 409 already-confirmed", first, second)
	}
	return "200, then 409 already-confirmed", err
}

func smsReply(ctx context.Context, s *system) (string, error) {
	b, phone, code, err := s.held(ctx)
	if err != nil {
		return "", err
	}
	if err := s.double.reply(ctx, phone, "my code is "+code[:3]+" "+code[3:]); err != nil {
		return "", err
	}
	err = until(ctx, s.patience/2, "confirmed by a reply", func() (bool, error) {
		now, err := s.booking(ctx, b.ID)
		return now.State == "confirmed", err
	})
	if err != nil {
		return "", err
	}
	texts, err := s.double.count(ctx, phone, 2)
	return fmt.Sprintf("confirmed; %d texts", len(texts)), err
}
