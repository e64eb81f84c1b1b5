package sms

import "text/template"

// room is how much of a text each name may take, in units of cut: org, name, resource, service.
type room [4]int

// least is what is left of a name for the sake of one segment: less tells nobody anything.
var least = room{12, 6, 10, 10}

// usual is what names may take of a kind of text. Of those that tell the most, the org's has less.
func usual(kind Kind) room {
	r := room{40, 20, 22, 30}
	switch kind {
	case KindConfirmation, KindMoved, KindReminder, KindFollowup, KindAlternatives:
		r[0] = 30
	case KindCode, KindMoveCode, KindCancelCheck, KindCanceled, KindExpired, KindHelp, KindStopConfirm, KindNotUnderstood, KindWrongCode:
	}
	return r
}

func (v *view) names() [4]*string { return [...]*string{&v.Org, &v.Name, &v.Resource, &v.Service} }

// cut is v with its names cut to their room. A note is quoted, so it is cut only when FitNote has not seen it.
func (r room) cut(v view) view {
	for i, name := range v.names() {
		*name = cut(*name, r[i])
	}
	v.Notes = cut(v.Notes, maxNote)
	return v
}

// shrink takes a unit from the name that has most to give. It is false when none has.
func (r *room) shrink(v view) bool {
	most, spare := -1, 0
	for i, name := range v.names() {
		r[i] = min(r[i], units(*name))
		if s := r[i] - least[i]; s > spare {
			most, spare = i, s
		}
	}
	if most < 0 {
		return false
	}
	r[most]--
	return true
}

// leaveOut is what a text does without, one after another, when cutting names is not enough to keep it short.
var leaveOut = []func(v *view, brief string){
	func(*view, string) {},
	func(v *view, brief string) { v.Choices = brief },
	func(v *view, _ string) { v.Notes = "" },
	func(v *view, _ string) { v.Name = "" },
	func(v *view, _ string) { v.Resource = "" },
}

// squeeze fills in our own words so that the text is as short as texts are meant to be; brief is what may stand for
// the choices.
func squeeze(t *template.Template, kind Kind, v view, brief string) (text string, err error) {
	for _, without := range leaveOut {
		without(&v, brief)
		r := usual(kind)
		for {
			if text, err = fill(t, r.cut(v)); err != nil || short(text) {
				return text, err
			}
			if !r.shrink(v) {
				break
			}
		}
	}
	return text, nil
}

// short holds for one segment of GSM-7, and for two of UCS-2, in which one is too little for any text.
func short(text string) bool {
	n, encoding := Segments(text)
	return n <= 1 || encoding == UCS2 && n <= 2
}
