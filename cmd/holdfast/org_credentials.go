package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgxpool"

	"holdfast/handlers/sms"
	"holdfast/store"
	"holdfast/store/pii"
)

type orgCredentialsCmd struct {
	Set           orgCredentialsSetCmd           `cmd:"" help:"Store account, auth token and sender, once Twilio has taken them."`
	AddSecondary  orgCredentialsAddSecondaryCmd  `cmd:"" name:"add-secondary" help:"Store the account's secondary auth token: from now on either is good."`
	Promote       orgCredentialsPromoteCmd       `cmd:"" help:"Exchange the two tokens, once Twilio has made the secondary one the primary."`
	DropSecondary orgCredentialsDropSecondaryCmd `cmd:"" name:"drop-secondary" help:"Forget the secondary token: only the primary one is good."`
}

// tokenFlags say where a token is read and whether Twilio is asked for it.
type tokenFlags struct {
	TokenFile string `type:"path" placeholder:"FILE" help:"Read the auth token there instead of from standard input."`
	NoCheck   bool   `help:"Do not ask Twilio whether it takes them."`
}

type orgCredentialsSetCmd struct {
	Org              string `arg:"" help:"Id or slug."`
	AccountSID       string `required:"" name:"account-sid" help:"AC…"`
	From             string `help:"Sender in E.164."`
	MessagingService string `help:"MG…, instead of or besides a sender."`
	SecondaryFile    string `type:"path" placeholder:"FILE" help:"Read the secondary auth token there, if the account has one."`
	tokenFlags
}

// accountSID is what Twilio's ids of accounts look like.
var accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)

// Run stores credentials. A secondary token that the org has stays as long as the account and its token do: beside another
// token it may be one that somebody wanted gone.
func (c *orgCredentialsSetCmd) Run(e *env) error {
	a := store.SMSAccount{SID: c.AccountSID, MessagingServiceSID: c.MessagingService}
	var err error
	if a.Token, err = e.secretFrom(c.TokenFile, "auth token"); err != nil {
		return err
	}
	if c.SecondaryFile != "" {
		if a.Secondary, err = e.secretFrom(c.SecondaryFile, "secondary auth token"); err != nil {
			return err
		}
	}
	return e.asOrg(c.Org, func(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) error {
		if c.From != "" {
			from, err := pii.ParsePhone(c.From, o.Region)
			if err != nil {
				return errors.New("credentials: --from is no phone number")
			}
			a.From = from.Reveal()
		}
		if a.From == "" && a.MessagingServiceSID == "" {
			return errors.New("credentials: give --from or --messaging-service")
		}
		if !accountSID.MatchString(a.SID) {
			return errors.New("credentials: --account-sid wants AC and 32 hex digits")
		}
		if err := c.check(e, a.SID, a.Token, a.Secondary); err != nil {
			return err
		}
		dropped := false
		err := e.changeAccount(db, keys, o, "credentials.set", !c.NoCheck, func(old store.SMSAccount, had bool) (store.SMSAccount, error) {
			now := a
			if dropped = had && !old.Secondary.IsZero() && a.Secondary.IsZero(); dropped && old.SID == a.SID && old.Token.Equal(a.Token) {
				now.Secondary, dropped = old.Secondary, false
			}
			return now, nil
		})
		if err == nil && dropped {
			fmt.Fprintln(e.stderr, "The secondary token that stood beside the former one was dropped.")
		}
		return err
	})
}

type orgCredentialsAddSecondaryCmd struct {
	Org string `arg:"" help:"Id or slug."`
	tokenFlags
}

// Run stores a secondary token.
func (c *orgCredentialsAddSecondaryCmd) Run(e *env) error {
	token, err := e.secretFrom(c.TokenFile, "auth token")
	if err != nil {
		return err
	}
	return e.asOrg(c.Org, func(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) error {
		a, err := e.account(db, keys, o)
		if err != nil {
			return err
		}
		if err := c.check(e, a.SID, token); err != nil {
			return err
		}
		return e.changeAccount(db, keys, o, "credentials.add_secondary", !c.NoCheck, func(now store.SMSAccount, had bool) (store.SMSAccount, error) {
			if !had || now.SID != a.SID {
				return now, errors.New("credentials: they were changed meanwhile")
			}
			now.Secondary = token
			return now, nil
		})
	})
}

type orgCredentialsPromoteCmd struct {
	Org     string `arg:"" help:"Id or slug."`
	NoCheck bool   `help:"Do not ask Twilio whether it takes the secondary token."`
}

// Run exchanges the tokens. The former primary one stays as the secondary, since what Twilio signed by it may be on its way.
func (c *orgCredentialsPromoteCmd) Run(e *env) error {
	return e.asOrg(c.Org, func(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) error {
		a, err := e.account(db, keys, o)
		if err != nil {
			return err
		}
		if a.Secondary.IsZero() {
			return errNoSecondary
		}
		if err := (tokenFlags{NoCheck: c.NoCheck}).check(e, a.SID, a.Secondary); err != nil {
			return err
		}
		return e.changeAccount(db, keys, o, "credentials.promote", !c.NoCheck, func(now store.SMSAccount, had bool) (store.SMSAccount, error) {
			if !had || now.SID != a.SID || !now.Secondary.Equal(a.Secondary) {
				return now, errors.New("credentials: they were changed meanwhile")
			}
			now.Token, now.Secondary = now.Secondary, now.Token
			return now, nil
		})
	})
}

var errNoSecondary = errors.New("credentials: there is no secondary token: add-secondary comes first")

type orgCredentialsDropSecondaryCmd struct {
	Org string `arg:"" help:"Id or slug."`
}

// Run forgets the secondary token.
func (c *orgCredentialsDropSecondaryCmd) Run(e *env) error {
	return e.asOrg(c.Org, func(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) error {
		return e.changeAccount(db, keys, o, "credentials.drop_secondary", false, func(now store.SMSAccount, had bool) (store.SMSAccount, error) {
			if !had || now.Secondary.IsZero() {
				return now, errNoSecondary
			}
			now.Secondary = pii.Token{}
			return now, nil
		})
	})
}

// check asks Twilio whether it takes each of the tokens, unless it is not to be asked.
func (c tokenFlags) check(e *env, sid string, tokens ...pii.Token) error {
	if c.NoCheck {
		return nil
	}
	twilio := sms.New(e.cfg.TwilioBaseURL, e.cfg.HTTPTimeout, nil)
	for i, token := range tokens {
		if token.IsZero() {
			continue
		}
		err := twilio.Check(e.ctx, sms.Account{SID: sid, Token: token})
		switch {
		case errors.Is(err, sms.ErrUnreachable):
			return fmt.Errorf("credentials: %w: nothing was stored (--no-check stores them unseen)", err)
		case err != nil && i > 0:
			return fmt.Errorf("credentials: the secondary one: %w: nothing was stored", err)
		case err != nil:
			return fmt.Errorf("credentials: %w: nothing was stored", err)
		}
	}
	return nil
}

// account reads the org's credentials.
func (e *env) account(db *pgxpool.Pool, keys *pii.Keyring, o store.Org) (a store.SMSAccount, err error) {
	_, err = store.InTx(e.ctx, db, o.ID, func(tx *store.Tx) error {
		a, err = store.LoadSMSAccount(e.ctx, tx, keys)
		return err
	})
	if err != nil {
		return a, explain("credentials", err)
	}
	return a, nil
}

// changeAccount changes the org's credentials and notes who did, in one transaction. change is told what they are, and
// whether there are any.
func (e *env) changeAccount(db *pgxpool.Pool, keys *pii.Keyring, o store.Org, action string, checked bool,
	change func(now store.SMSAccount, had bool) (store.SMSAccount, error)) error {
	_, err := store.InTx(e.ctx, db, o.ID, func(tx *store.Tx) error {
		now, err := store.LockSMSAccount(e.ctx, tx, keys)
		had := err == nil
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if now, err = change(now, had); err != nil {
			return err
		}
		store.NoteAudit(tx, store.AuditEntry{Actor: "cli", Action: action, Subject: now.SID, Detail: map[string]any{"checked": checked}})
		return store.SetSMSAccount(e.ctx, tx, keys, tx.Org, now)
	})
	if err != nil {
		return explain("credentials", err)
	}
	return nil
}
