package main

import (
	"fmt"

	"holdfast/store/pii"
)

type keysCmd struct{}

// Run prints new keys. They are needed as long as the data that they seal.
func (keysCmd) Run(e *env) error {
	k, err := pii.GenerateKeys()
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "HOLDFAST_KEYSET=%s\nHOLDFAST_HASH_KEY=%s\nHOLDFAST_CODE_PEPPER=%s\n", k.Keyset, k.HashKey, k.Peppers)
	return nil
}
