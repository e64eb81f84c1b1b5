package redact

// rule is the index of a Rule.
type rule uint8

const (
	rPhoneNANP rule = iota
	rPhonePlain
	rPhonePlus
	rPhoneAbroad
	rPhoneCue
	rPhoneVanity
	rPhoneKnown
	rPhoneSpoken
	rPhoneSpokenCue
	rEmail
	rEmailSpoken
	rSSN
	rSSNCue
	rSSNLast
	rSSNSpoken
	rCard
	rCardSpoken
	rBirth
	rBirthSpoken
	rIPv4
	rIPv6
	rIPSpoken
	rMRN
	rMRNOwn
	rMRNSpoken
	rNPI
	rDEA
	rMBI
	rTerm
	rTermCue
	rTermOwn
	rNameKnown
	rNameCue
	rNameMister
	rAddress
	rAddressBox
	rAddressZip
	rDate
	rDateSpoken
	rURL
	rAge
)

// rules say what recognises what, and how sure it is. Confidence is ours: 99 a checksum or a value that was told, 95 a
// shape that nothing else has, 90 the right shape beside a cue, 75 the shape alone.
var rules = [...]struct {
	t Type
	Rule
}{
	rPhoneNANP:      {PhoneNumber, Rule{"phone.nanp", 90}},
	rPhonePlain:     {PhoneNumber, Rule{"phone.plain", 75}},
	rPhonePlus:      {PhoneNumber, Rule{"phone.plus", 95}},
	rPhoneAbroad:    {PhoneNumber, Rule{"phone.abroad", 75}},
	rPhoneCue:       {PhoneNumber, Rule{"phone.cue", 85}},
	rPhoneVanity:    {PhoneNumber, Rule{"phone.vanity", 75}},
	rPhoneKnown:     {PhoneNumber, Rule{"phone.known", 97}},
	rPhoneSpoken:    {PhoneNumber, Rule{"phone.spoken", 85}},
	rPhoneSpokenCue: {PhoneNumber, Rule{"phone.spoken-cue", 90}},
	rEmail:          {Email, Rule{"email.written", 99}},
	rEmailSpoken:    {Email, Rule{"email.spoken", 90}},
	rSSN:            {SSN, Rule{"ssn.shape", 91}},
	rSSNCue:         {SSN, Rule{"ssn.cue", 95}},
	rSSNLast:        {SSN, Rule{"ssn.last-four", 90}},
	rSSNSpoken:      {SSN, Rule{"ssn.spoken", 95}},
	rCard:           {CreditCard, Rule{"card.luhn", 99}},
	rCardSpoken:     {CreditCard, Rule{"card.spoken", 99}},
	rBirth:          {DateOfBirth, Rule{"birth.cue", 92}},
	rBirthSpoken:    {DateOfBirth, Rule{"birth.spoken", 92}},
	rIPv4:           {IP, Rule{"ip.v4", 95}},
	rIPv6:           {IP, Rule{"ip.v6", 99}},
	rIPSpoken:       {IP, Rule{"ip.spoken", 92}},
	rMRN:            {MRN, Rule{"mrn.cue", 92}},
	rMRNOwn:         {MRN, Rule{"mrn.own", 99}},
	rMRNSpoken:      {MRN, Rule{"mrn.spoken", 92}},
	rNPI:            {NPI, Rule{"npi.checksum", 99}},
	rDEA:            {DEA, Rule{"dea.checksum", 99}},
	rMBI:            {MBI, Rule{"mbi.shape", 95}},
	rTerm:           {MedicalTerm, Rule{"term.dictionary", 80}},
	rTermCue:        {MedicalTerm, Rule{"term.cue", 70}},
	rTermOwn:        {MedicalTerm, Rule{"term.own", 98}},
	rNameKnown:      {Name, Rule{"name.known", 97}},
	rNameCue:        {Name, Rule{"name.cue", 82}},
	rNameMister:     {Name, Rule{"name.title", 82}},
	rAddress:        {Address, Rule{"address.street", 80}},
	rAddressBox:     {Address, Rule{"address.box", 85}},
	rAddressZip:     {Address, Rule{"address.zip", 80}},
	rDate:           {Date, Rule{"date.written", 81}},
	rDateSpoken:     {Date, Rule{"date.spoken", 79}},
	rURL:            {URL, Rule{"url.written", 83}},
	rAge:            {Age, Rule{"age.over-89", 85}},
}
