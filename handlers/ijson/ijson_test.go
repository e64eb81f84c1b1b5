package ijson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"holdfast/handlers/ijson"
)

var limits = ijson.Limits{Depth: 4, Values: 20}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, path, rule string }{
		"plain":                  {`{"a":{"b":[1,"x",null,true]},"c":-1.5e9}`, "", ""},
		"nothing in it":          {` {} `, "", ""},
		"a number":               {`7`, "", ""},
		"same key, other level":  {`{"a":{"a":1},"b":[{"a":1},{"a":2}]}`, "", ""},
		"braces in a string":     {`{"a":"}{][,:\"\\","b":"\\\""}`, "", ""},
		"key as a value":         {`{"a":"b","b":"a"}`, "", ""},
		"twice":                  {`{"a":1,"b":2,"a":3}`, "a", "stands there twice"},
		"twice, deep":            {`{"customer":{"phone":"1","x":[{"y":1}],"phone":"2"}}`, "customer.phone", "stands there twice"},
		"twice, in an array":     {`{"all":[{"a":1},{"a":1,"a":1}]}`, "all.a", "stands there twice"},
		"twice, by case":         {`{"phone":1,"PHONE":2}`, "PHONE", "stands there twice"},
		"twice, by folding":      {`{"kiss":1,"` + "\u212ai\u017f\u017f" + `":2}`, "", "stands there twice"},
		"twice, by an escape":    {`{"a":1,"\u0061":2}`, "a", "stands there twice"},
		"twice, no name of ours": {`{"+15550100042":1,"+15550100042":2}`, "", "stands there twice"},
		"twice, below such":      {`{"a":{"+1":{"b":1,"b":1}}}`, "a", "stands there twice"},
		"the empty key":          {`{"":1,"":1}`, "", "stands there twice"},
		"a pair":                 {`"\ud83d\ude00 \uD83D\uDE00"`, "", ""},
		"a first half":           {`{"a":"\ud83d"}`, "a", "half of a surrogate pair is no character"},
		"a second half":          {`{"a":["x\uDE00"]}`, "a", "half of a surrogate pair is no character"},
		"two first halves":       {`"\ud83d\ud83d"`, "", "half of a surrogate pair is no character"},
		"halves apart":           {`"\ud83d \ude00"`, "", "half of a surrogate pair is no character"},
		"half of a key":          {`{"a":{"\ud83d":1}}`, "a", "half of a surrogate pair is no character"},
		"no escape":              {`"\\ud83d"`, "", ""},
		"not UTF-8":              {"\"\xc0\xaf\"", "", "not UTF-8"},
		"a surrogate in UTF-8":   {"\"\xed\xa0\x80\"", "", "not UTF-8"},
		"four deep":              {`[[[[]]]]`, "", ""},
		"five deep":              {`{"a":[[[{}]]]}`, "", "nested deeper than 4"},
		"twenty values":          {`[` + strings.Repeat("0,", 18) + `0]`, "", ""},
		"more values":            {`[` + strings.Repeat("0,", 19) + `0]`, "", "more than 20 values"},
		"more members":           {`{"a":[` + strings.Repeat("{},", 18) + `{}]}`, "", "more than 20 values"},
	} {
		err := ijson.Check([]byte(tt.raw), limits)
		var b *ijson.Broken
		if tt.rule == "" && err != nil || tt.rule != "" && (!errors.As(err, &b) || b.Rule != tt.rule || b.Path != tt.path) {
			t.Errorf("%s: %+v, want %q at %q", name, err, tt.rule, tt.path)
		}
	}
}

// FuzzCheck: what is passed decodes the same by the first and by the last of its keys, has no replaced character that was not
// sent, and stays within the limits as encoding/json counts; whatever is said quotes no digits.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{`{"a":{"b":[1,"x",null,true]},"c":-1.5e9}`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `"\ud83d\ude00"`, `"\ud83d"`, `[[[[[]]]]]`,
		`{"1":1,"1":2}`, `{"k":1,"` + "\u212a" + `":2}`, " 1e400 ", `{"\"":"\\","b":"\\\""}`, "\"\xff\"", `{"a\u0000":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			_ = ijson.Check(raw, limits) // must end
			return
		}
		err := ijson.Check(raw, limits)
		var b *ijson.Broken
		if err != nil && (!errors.As(err, &b) || strings.ContainsAny(b.Path, "0123456789+@ ")) {
			t.Fatalf("%q: %#v", raw, err)
		}
		depth, values, twice := measure(t, raw)
		if good := depth <= limits.Depth && values <= limits.Values && !twice; err == nil && !good {
			t.Fatalf("%q is let through: %d deep, %d values, a key twice: %v", raw, depth, values, twice)
		} else if err != nil && good && !bytes.Contains(raw, []byte(`\u`)) && bytes.Equal(raw, bytes.ToValidUTF8(raw, nil)) {
			t.Fatalf("%q: %v", raw, err)
		}
		var v any
		if err == nil && json.Unmarshal(raw, &v) == nil {
			again, _ := json.Marshal(v)
			if ijson.Check(again, limits) != nil || bytes.Count(again, []byte("\ufffd")) > bytes.Count(raw, []byte("\ufffd"))+bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`)) {
				t.Fatalf("%q became %q", raw, again)
			}
		}
	})
}

// measure reads a document by the decoder's own tokens.
func measure(t *testing.T, raw []byte) (deepest, values int, twice bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	type object struct {
		keys []string
		key  bool
		is   bool
	}
	var open []object
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return deepest, values, twice
		}
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		top := len(open) - 1
		if key, ok := token.(string); ok && top >= 0 && open[top].is && open[top].key {
			for _, other := range open[top].keys {
				twice = twice || strings.EqualFold(other, key)
			}
			open[top].keys = append(open[top].keys, key)
			open[top].key = false
			continue
		}
		switch token {
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
			continue
		}
		if values++; top >= 0 {
			open[top].key = open[top].is
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			is := token == json.Delim('{')
			open = append(open, object{is: is, key: is})
			deepest = max(deepest, len(open))
		}
	}
}
