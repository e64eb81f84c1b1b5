package validate

import "holdfast/cmd/internal/dev"

// Target is the system that is checked, as far as it is known. Without a secret the checks that need it cannot be
// made. The tags are those of the command line; secrets are better given by the environment than as flags, which
// the machine's other users can see.
type Target struct {
	URL       string `env:"HOLDFAST_URL" help:"Of the API." placeholder:"URL"`
	PublicURL string `env:"HOLDFAST_PUBLIC_URL" help:"As Twilio calls the API, which its signature covers; by default the same." placeholder:"URL"`
	Org       string `env:"HOLDFAST_ORG" help:"Id of the org whose calendar is used." placeholder:"ID"`
	Key       string `env:"HOLDFAST_KEY" help:"Its API key."`
	Resource  string `env:"HOLDFAST_RESOURCE" help:"What is booked: a resource with one seat." placeholder:"ID"`
	Service   string `env:"HOLDFAST_SERVICE" help:"A service that the resource offers." placeholder:"ID"`
	OtherOrg  string `env:"HOLDFAST_OTHER_ORG" help:"Id of a second org." placeholder:"ID"`
	OtherKey  string `env:"HOLDFAST_OTHER_KEY" help:"Its API key."`
	PhoneURL  string `env:"HOLDFAST_PHONE_URL" help:"Of the Twilio double." placeholder:"URL"`

	OpsURL   string `env:"HOLDFAST_OPS_URL" help:"Of the operators' listener." placeholder:"URL"`
	OpsToken string `env:"HOLDFAST_OPS_TOKEN" help:"Its token."`

	WebhookSecret    string `env:"HOLDFAST_WEBHOOK_SECRET" help:"Signs the org's events (whsec_…)."`
	VapiSecret       string `env:"HOLDFAST_VAPI_SECRET" help:"Of the org's voice agent at Vapi."`
	RetellKey        string `env:"HOLDFAST_RETELL_KEY" help:"Of the org's voice agent at Retell."`
	TwilioAccountSID string `name:"twilio-account-sid" env:"HOLDFAST_TWILIO_ACCOUNT_SID" help:"Of the org." placeholder:"SID"`
	TwilioAuthToken  string `env:"HOLDFAST_TWILIO_AUTH_TOKEN" help:"Of the org."`

	AuditURL string `env:"HOLDFAST_AUDIT_DATABASE_URL" help:"Of the database, as the role that reads everything."`
}

// Of is the running dev that a ready file tells about.
func Of(r dev.Ready) Target {
	return Target{
		URL: r.APIURL, PublicURL: r.APIURL, Org: r.Org.String(), Key: r.APIKey, Resource: r.Resource.String(), Service: r.Service.String(),
		OtherOrg: r.OtherOrg.String(), OtherKey: r.OtherAPIKey, PhoneURL: r.SimURL, OpsURL: r.OpsURL, OpsToken: r.OpsToken,
		WebhookSecret: r.WebhookSecret, VapiSecret: r.VapiSecret, RetellKey: r.RetellKey,
		TwilioAccountSID: r.TwilioAccountSID, TwilioAuthToken: r.TwilioAuthToken,
		AuditURL: r.AuditDatabaseURL,
	}
}
