package redact

const DictionaryVersion = "0"

func (b *builder) dictionary() {
	for _, t := range []string{"metformin", "diabetes"} {
		b.add(termWords(t), phrase{term: true})
	}
}
