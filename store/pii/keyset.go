package pii

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KeyID names a key of a keyset. It is no secret: it begins whatever the key has sealed.
type KeyID uint32

// PrefixSize is how many bytes of a sealed value name its key (tink's prefix: one byte of version, four of key id).
const PrefixSize = 5

// prefixVersion is the first of them for keys of tink's own kind.
const prefixVersion = 1

// Prefix is what every value begins with that the key has sealed.
func (id KeyID) Prefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixVersion}, uint32(id))
}

// SealedBy tells which key a sealed value names; ok is false for what names none.
func SealedBy(sealed []byte) (id KeyID, ok bool) {
	if len(sealed) < PrefixSize || sealed[0] != prefixVersion {
		return 0, false
	}
	return KeyID(binary.BigEndian.Uint32(sealed[1:])), true
}

// KeyInfo is what may be shown of a key.
type KeyInfo struct {
	ID      KeyID
	Primary bool // it seals; the others only open
}

// sealer is one keyset, ready for use. It is immutable.
type sealer struct {
	aead tink.AEAD
	keys []KeyInfo
}

// newSealer reads a keyset. Its errors never quote it.
func newSealer(text string) (*sealer, error) {
	h, err := readKeyset(text)
	if err != nil {
		return nil, err
	}
	a, err := aead.New(h)
	if err != nil {
		return nil, errors.New("keyset: holds no AEAD key")
	}
	s := &sealer{aead: a}
	for _, k := range h.KeysetInfo().GetKeyInfo() {
		if k.GetStatus() != tinkpb.KeyStatusType_ENABLED {
			continue
		}
		if k.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, errors.New("keyset: a key does not mark what it seals (want output prefix TINK)")
		}
		s.keys = append(s.keys, KeyInfo{KeyID(k.GetKeyId()), k.GetKeyId() == h.KeysetInfo().GetPrimaryKeyId()})
	}
	return s, nil
}

func (s *sealer) has(id KeyID) bool {
	for _, k := range s.keys {
		if k.ID == id {
			return true
		}
	}
	return false
}

func (s *sealer) primary() KeyID {
	for _, k := range s.keys {
		if k.Primary {
			return k.ID
		}
	}
	return 0 // never: tink refuses such a keyset
}

func readKeyset(text string) (*keyset.Handle, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("keyset: not base64")
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, errors.New("keyset: not a tink JSON keyset")
	}
	return h, nil
}

func writeKeyset(h *keyset.Handle) (string, error) {
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return "", fmt.Errorf("keyset: %w", err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes()), nil
}

// ReadKeyset lists the keys of a keyset in their order, in which a new one comes last.
func ReadKeyset(text string) ([]KeyInfo, error) {
	s, err := newSealer(text)
	if err != nil {
		return nil, err
	}
	return s.keys, nil
}

// AddKey returns a keyset with one more key, which opens and does not seal yet.
func AddKey(text string) (changed string, id KeyID, err error) {
	changed, err = editKeyset(text, func(m *keyset.Manager) error {
		n, err := m.Add(aead.AES256GCMKeyTemplate())
		id = KeyID(n)
		return err
	})
	return changed, id, err
}

// PromoteKey returns a keyset in which a key that it has seals, and no other.
func PromoteKey(text string, id KeyID) (string, error) {
	return editKeyset(text, func(m *keyset.Manager) error { return m.SetPrimary(uint32(id)) })
}

// RemoveKey returns a keyset without a key. The one that seals cannot be removed.
func RemoveKey(text string, id KeyID) (string, error) {
	return editKeyset(text, func(m *keyset.Manager) error { return m.Delete(uint32(id)) })
}

func editKeyset(text string, edit func(*keyset.Manager) error) (string, error) {
	h, err := readKeyset(text)
	if err != nil {
		return "", err
	}
	m := keyset.NewManagerFromHandle(h)
	if err := edit(m); err != nil {
		return "", errors.New("keyset: there is no such key, or it is the primary one")
	}
	if h, err = m.Handle(); err != nil {
		return "", fmt.Errorf("keyset: %w", err)
	}
	return writeKeyset(h)
}
