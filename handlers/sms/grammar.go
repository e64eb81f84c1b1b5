package sms

// maxChoice is how many alternatives a text offers.
const maxChoice = 3

// meaning is how an intent is said.
type meaning struct {
	intent    Intent
	whole     []string
	sentences []string
	unless    []string // hold a sentence and mean the opposite
}

// grammar is the one table of what replies mean, spelled as words leaves them. whole must be the whole
// text; sentences may stand in it anywhere, as whole words, unless one of unless stands there too.
//
// CANCEL is a STOP keyword: Twilio blocks the sender's texts to that number from then on ("Default
// keywords for STOP, START and HELP"), and the FCC names it as a revocation (47 CFR 64.1200(a)(10)). So
// a bare "cancel" opts out here too, and our texts ask for C. In the same way YES is Twilio's START.
// Longer wordings ("cancel my appointment") and the Spanish "cancelar" are not keywords, and mean the
// booking.
//
// Stop stands first: it is looked for before anything else.
var grammar = []meaning{
	{
		intent: IntentStop,
		whole: []string{
			// Twilio's default keywords.
			"stop", "unsubscribe", "end", "quit", "stopall", "stop all", "revoke", "optout", "opt out", "cancel",
			// The same in other words: any reasonable means counts (47 CFR 64.1200(a)(10)).
			"please stop", "stop please", "stop it", "stop now", "stop texts", "stop messages", "stop sms", "remove me",
			"no more", "arret", "alto", "basta", "baja", "parar", "para", "paren", "detener", "no mas", "desuscribir",
		},
		sentences: []string{
			"stop texting", "stop messaging", "stop sending", "stop contacting", "stop writing", "stop spamming",
			"stop bothering", "stop the texts", "stop these texts", "stop all texts", "stop the messages",
			"stop these messages", "stop all messages", "quit texting", "quit messaging", "quit sending",
			"no more texts", "no more text messages", "no more messages", "no more sms", "dont text me", "do not text me",
			"dont message me", "do not message me", "dont contact me", "do not contact me", "dont send me any more",
			"do not send me any more", "dont send any more", "do not send any more", "never text me", "never contact me",
			"take me off your list", "take me off this list", "take me off the list", "remove me from your list",
			"remove me from this list", "remove me from the list", "remove my number", "delete my number",
			"lose my number", "unsubscribe me", "unsubscribe", "opt me out", "opt out", "leave me alone",
			"no mas mensajes", "no mas textos", "no mas sms", "no me escriban", "no me escribas", "no me escriba",
			"no me envien", "no me envies", "no me envie", "no me manden", "no me mandes", "no me mande",
			"no me contacten", "no me contactes", "no enviar mas", "no mandar mas", "no envien mas", "no manden mas",
			"no quiero mas mensajes", "no quiero mensajes", "no quiero recibir mas", "no quiero recibir mensajes",
			"no deseo recibir", "dejen de enviar", "dejen de enviarme", "dejen de mandar", "dejen de mandarme",
			"dejen de escribir", "dejen de escribirme", "dejen de molestar", "deja de enviar", "deja de enviarme",
			"deja de mandar", "deja de mandarme", "deja de escribir", "deja de escribirme", "deja de molestar",
			"deje de enviar", "deje de enviarme", "deje de mandar", "deje de mandarme", "deje de escribirme",
			"paren de enviar", "paren de mandar", "paren de escribir", "para de enviar", "para de escribir",
			"denme de baja", "dame de baja", "deme de baja", "darme de baja", "basta de mensajes",
			"borren mi numero", "borra mi numero", "eliminen mi numero", "quiten mi numero", "quitenme de",
		},
		unless: []string{
			"dont stop texting", "do not stop texting", "never stop texting", "dont stop sending", "do not stop sending",
			"dont unsubscribe", "do not unsubscribe", "dont opt out", "do not opt out", "no dejen de", "no dejes de",
		},
	},
	{
		intent: IntentStart,
		whole: []string{
			"start", "yes", "unstop", // Twilio's default keywords
			"start texting", "start texting me", "resubscribe", "opt in", "optin",
			"iniciar", "inicio", "empezar", "comenzar", "reanudar",
		},
	},
	{
		intent: IntentHelp,
		whole: []string{
			"help", "info", // Twilio's default keywords
			"help me", "help please", "please help", "who is this", "ayuda", "informacion", "ayuda por favor", "quien es",
		},
	},
	{
		intent: IntentKeep,
		whole: []string{
			"k", "keep", "keep it", "keep my spot", "keep my booking", "keep my appointment",
			"mantener", "mantenla", "conservar", "mantener cita", "mantener mi cita", "conservar mi cita",
		},
		sentences: []string{
			"keep my booking", "keep my appointment", "keep the appointment", "keep the booking",
			"mantener mi cita", "conservar mi cita",
		},
	},
	{
		// In threes: the place in the list says which.
		intent: IntentChoice,
		whole: []string{
			"1", "2", "3",
			"one", "two", "three",
			"option 1", "option 2", "option 3",
			"number 1", "number 2", "number 3",
			"the 1st", "the 2nd", "the 3rd",
			"the first", "the second", "the third",
			"uno", "dos", "tres",
			"opcion 1", "opcion 2", "opcion 3",
			"la 1", "la 2", "la 3",
			"el 1", "el 2", "el 3",
			"la primera", "la segunda", "la tercera",
		},
	},
	{
		intent: IntentCancel,
		whole: []string{
			"c", "cancel it", "cancel please", "please cancel", "cancel booking", "cancel appointment",
			"cancelar", "cancela", "cancelen", "cancelar cita", "cancela la cita", "anular", "anular cita",
		},
		sentences: []string{
			"cancel my booking", "cancel my appointment", "cancel my reservation", "cancel the booking",
			"cancel the appointment", "cancel this booking", "cancel this appointment", "want to cancel",
			"need to cancel", "have to cancel", "like to cancel", "please cancel",
			"cancelar mi cita", "cancelar la cita", "cancela mi cita", "cancelen mi cita", "cancele mi cita",
			"quiero cancelar", "necesito cancelar", "tengo que cancelar", "quisiera cancelar", "debo cancelar",
			"anular mi cita", "anular la cita",
		},
		unless: []string{
			"dont cancel", "do not cancel", "dont want to cancel", "do not want to cancel", "not cancel", "not to cancel",
			"dont need to cancel", "dont have to cancel", "never cancel", "no cancelar", "no cancelen", "no cancele",
			"no cancela", "no quiero cancelar", "no necesito cancelar", "no deseo cancelar", "no anular",
		},
	},
}
