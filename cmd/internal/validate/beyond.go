package validate

import "context"

// beyondChecks are promises that cannot be seen from outside; each says where they are proven instead. They are
// listed so that nobody takes a green run for more than it is.
var beyondChecks = []check{
	beyond("killed-process", "what was answered 2xx survives the death of any process", "processes would have to be killed; the project's tests do"),
	beyond("lost-redis", "nothing is lost with what Redis holds", "Redis would have to be emptied; the project's tests do"),
	beyond("row-security", "the database itself keeps orgs apart", "it would have to be asked past the API; the project's tests do"),
	beyond("sealed-data", "no personal data lies in the clear", "logs, Redis and tables would have to be read; the project's tests do"),
}

// beyond is a check that cannot be made.
func beyond(name, promise, why string) check {
	return check{name: name, promise: promise, run: func(context.Context, *system) (string, error) { return "", &cannot{why} }}
}
