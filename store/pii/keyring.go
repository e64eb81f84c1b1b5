package pii

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Keys is what a Keyring is made of. None of it lives in the database.
type Keys struct {
	// Keyset is a base64 tink JSON keyset of AEAD keys; the primary seals, all of them open.
	Keyset string
	// HashKey is base64 of at least 32 bytes: the key of every fingerprint. It cannot rotate without
	// rewriting the hashes.
	HashKey string
	// Peppers lists the keys of one-time codes as "kid:base64,…"; the last one makes new codes.
	Peppers string
}

// GenerateKeys makes a fresh set of keys.
func GenerateKeys() (Keys, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return Keys{}, fmt.Errorf("keyset: %w", err)
	}
	text, err := writeKeyset(h)
	if err != nil {
		return Keys{}, err
	}
	return Keys{
		Keyset:  text,
		HashKey: randomKey(),
		Peppers: "1:" + randomKey(),
	}, nil
}

func randomKey() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, by crypto/rand's contract
	return base64.StdEncoding.EncodeToString(b)
}

// Keyring seals personal data, fingerprints it and derives one-time codes. It is safe for concurrent
// use. Its keyset can be replaced while it is in use.
type Keyring struct {
	sealer  atomic.Pointer[sealer]
	look    atomic.Pointer[func()]
	hash    []byte
	peppers map[int16][]byte
	kid     int16
}

// NewKeyring reads keys. Its errors name the key that is wrong and never quote it.
func NewKeyring(k Keys) (*Keyring, error) {
	s, err := newSealer(k.Keyset)
	if err != nil {
		return nil, err
	}
	hash, err := base64.StdEncoding.DecodeString(k.HashKey)
	if err != nil || len(hash) < 32 {
		return nil, errors.New("hash key: not base64 of at least 32 bytes")
	}
	peppers, kid, err := parsePeppers(k.Peppers)
	if err != nil {
		return nil, err
	}
	ring := &Keyring{hash: hash, peppers: peppers, kid: kid}
	ring.sealer.Store(s)
	return ring, nil
}

// SetKeyset replaces the keyset: what is sealed and opened from now on is by the new one. A keyset that cannot be read
// is an error and changes nothing.
func (k *Keyring) SetKeyset(text string) error {
	s, err := newSealer(text)
	if err != nil {
		return err
	}
	k.sealer.Store(s)
	return nil
}

// OnUnknownKey says what Open does when it meets a key that the keyset does not have, before it fails: look may call
// SetKeyset. It is called by many goroutines, so it limits itself.
func (k *Keyring) OnUnknownKey(look func()) { k.look.Store(&look) }

// Keys lists the keys of the keyset as it is now.
func (k *Keyring) Keys() []KeyInfo { return slices.Clone(k.sealer.Load().keys) }

// Primary is the key that seals now.
func (k *Keyring) Primary() KeyID { return k.sealer.Load().primary() }

func parsePeppers(list string) (map[int16][]byte, int16, error) {
	peppers := make(map[int16][]byte)
	var last int16
	for item := range strings.SplitSeq(list, ",") {
		id, b64, ok := strings.Cut(strings.TrimSpace(item), ":")
		kid, err := strconv.ParseInt(id, 10, 16)
		if !ok || err != nil || kid < 1 {
			return nil, 0, errors.New("code pepper: want kid:base64, kid from 1")
		}
		key, err := base64.StdEncoding.DecodeString(b64)
		if err != nil || len(key) < 32 {
			return nil, 0, fmt.Errorf("code pepper %d: not base64 of at least 32 bytes", kid)
		}
		last = int16(kid)
		peppers[last] = key
	}
	return peppers, last, nil
}

// Seal encrypts clear so that it opens only for the same org and purpose ("customer.phone").
func (k *Keyring) Seal(org uuid.UUID, purpose, clear string) ([]byte, error) {
	sealed, err := k.sealer.Load().aead.Encrypt([]byte(clear), associated(org, purpose))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made. A nil or empty sealed value opens as "".
func (k *Keyring) Open(org uuid.UUID, purpose string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	s := k.sealer.Load()
	id, named := SealedBy(sealed)
	if named && !s.has(id) {
		if look := k.look.Load(); look != nil {
			(*look)()
			s = k.sealer.Load()
		}
		if !s.has(id) {
			return "", fmt.Errorf("open %s: sealed by key %d, which the keyset does not have", purpose, id)
		}
	}
	clear, err := s.aead.Decrypt(sealed, associated(org, purpose))
	if err != nil {
		return "", fmt.Errorf("open %s: sealed for another org, purpose or keyset", purpose)
	}
	return string(clear), nil
}

// Reseal opens a sealed value and seals it anew, by the key that seals now.
func (k *Keyring) Reseal(org uuid.UUID, purpose string, sealed []byte) ([]byte, error) {
	clear, err := k.Open(org, purpose, sealed)
	if err != nil {
		return nil, err
	}
	return k.Seal(org, purpose, clear)
}

func associated(org uuid.UUID, purpose string) []byte {
	return append(org[:len(org):len(org)], purpose...)
}

// Fingerprint is a keyed hash (HMAC-SHA256) of the parts, for look-ups and comparisons that must not
// be possible without the key. Two orgs or two purposes never share a fingerprint.
func (k *Keyring) Fingerprint(org uuid.UUID, purpose string, parts ...string) []byte {
	m := hmac.New(sha256.New, k.hash)
	m.Write(org[:])
	writePart(m, purpose)
	for _, p := range parts {
		writePart(m, p)
	}
	return m.Sum(nil)
}

// RedactionKey is the org's secret for the tokens and hashes of what redaction takes out, 32 bytes. It is used for nothing
// else, and like every fingerprint it changes only with the hash key.
func (k *Keyring) RedactionKey(org uuid.UUID) []byte { return k.Fingerprint(org, "redaction.key") }

// writePart writes the length first, so that ("ab","c") and ("a","bc") differ.
func writePart(m interface{ Write([]byte) (int, error) }, s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	_, _ = m.Write(n[:])
	_, _ = m.Write([]byte(s))
}

// CodeKID is the id of the pepper that new codes are derived with.
func (k *Keyring) CodeKID() int16 { return k.kid }

// CodeDigits is the length of a one-time code (NIST SP 800-63B-4: at least six digits).
const CodeDigits = 6

// Code derives the one-time code of a verification's generation, by the dynamic truncation of HOTP
// (RFC 4226, section 5.3) over HMAC-SHA256. The same inputs always give the same code, so it is stored
// nowhere. An unknown kid is an error: its pepper was retired too early.
func (k *Keyring) Code(org, verification uuid.UUID, generation int, kid int16) (Code, error) {
	pepper, ok := k.peppers[kid]
	if !ok {
		return Code{}, fmt.Errorf("code pepper %d: not configured", kid)
	}
	m := hmac.New(sha256.New, pepper)
	m.Write(org[:])
	m.Write(verification[:])
	var g [4]byte
	binary.BigEndian.PutUint32(g[:], uint32(generation))
	m.Write(g[:])
	sum := m.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[len(sum)-1]&0x0f:]) & 0x7fffffff
	return NewCode(fmt.Sprintf("%0*d", CodeDigits, n%1_000_000)), nil
}
