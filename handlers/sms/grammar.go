package sms

// maxChoice is how many alternatives a text offers.
const maxChoice = 3

// meaning is how an intent is said.
type meaning struct {
	intent    Intent
	whole     []string
	polite    bool // whole may have courtesies around it
	sentences []string
	unless    []string // hold a sentence and mean the opposite
}

// grammar is the one table of what replies mean, spelled as words leaves them. whole must be the whole
// text, but for courtesies where it is polite; sentences may stand in it anywhere, as whole words, unless
// one of unless stands there too.
//
// A number by itself is a choice, and within anything else it is not: "at 2", "2 kids" and "I can't do 2"
// are for people to read. So is "yes" with a courtesy, which may answer whether to keep or whether to cancel: see
// SaysYes.
//
// CANCEL is a STOP keyword: Twilio blocks the sender's texts to that number from then on ("Default
// keywords for STOP, START and HELP"), and the FCC names it as a revocation (47 CFR 64.1200(a)(10)). So
// a bare "cancel" opts out here too, and our texts ask for C. In the same way YES is Twilio's START.
// Longer wordings ("cancel please", "cancel my appointment") and the Spanish "cancelar" are not keywords,
// and mean the booking.
//
// Stop is looked for before anything else.
var grammar = []meaning{
	{
		intent: IntentStop,
		whole: []string{
			// Twilio's default keywords.
			"stop", "unsubscribe", "end", "quit", "stopall", "stop all", "revoke", "optout", "opt out", "cancel",
		},
	},
	{
		// The same in other words: any reasonable means counts (47 CFR 64.1200(a)(10)). Whoever has been given a
		// customer's number gets no more of his texts.
		intent: IntentStop,
		polite: true,
		whole: []string{
			"stop", "stop all", "unsubscribe", "opt out", "stop it", "stop now", "stop this", "stop texts", "stop messages", "stop sms",
			"remove me", "no more", "no texts", "no messages",
			"wrong number", "you have the wrong number", "you have a wrong number", "this is the wrong number",
			"arret", "alto", "basta", "baja", "parar", "para", "paren", "pare", "detener", "no mas", "ya no mas", "desuscribir",
			"numero equivocado", "tienen el numero equivocado", "es un numero equivocado",
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
			"start please", "start texting", "start texting me", "start texting me again", "resubscribe", "opt in", "optin",
			"iniciar", "inicio", "empezar", "comenzar", "reanudar",
		},
	},
	{
		intent: IntentHelp,
		polite: true,
		whole: []string{
			"help", "info", // Twilio's default keywords
			"help me", "i need help", "who is this", "who are you", "what is this",
			"ayuda", "ayudame", "necesito ayuda", "informacion", "quien es", "quien eres", "que es esto",
		},
	},
	{
		intent: IntentKeep,
		polite: true,
		whole: []string{
			"k", "keep", "keep it", "keep that", "keep this", "keep my spot", "keep it for me", "ill keep it", "i will keep it", "no keep it",
			"i want to keep it", "i would like to keep it", "id like to keep it", "hold it", "hold it for me", "save it for me",
			"i want it", "i still want it", "still want it", "id still like it", "i would still like it", "ill take it", "i will take it",
			"can i keep it", "could i keep it", "can i still have it", "could i still have it", "may i still have it", "can i still get it",
			"book it", "confirm", "confirm it", "i confirm", "confirm booking", "confirm appointment", "confirm my booking", "confirm my appointment",
			"mantener", "mantenla", "mantenerla", "la mantengo", "mantener cita", "conservar", "conservarla", "conservala", "guardar", "guardala", "guardarla",
			"la quiero", "todavia la quiero", "aun la quiero", "si que la quiero", "me la quedo", "quiero la cita", "quiero mi cita", "quiero esa cita",
			"quiero mantenerla", "quiero conservarla", "quiero guardarla", "reservala",
			"puedo tenerla todavia", "todavia puedo tenerla", "aun puedo tenerla", "todavia la puedo tener",
			"confirmar", "confirmo", "la confirmo", "confirmala", "confirmar cita", "confirmar mi cita", "confirmo mi cita", "confirmo la cita",
		},
		sentences: []string{
			"keep my booking", "keep my appointment", "keep the appointment", "keep the booking", "keep my reservation", "keep my slot", "keep the slot", "keep my spot",
			"mantener mi cita", "mantener la cita", "conservar mi cita", "conservar la cita", "guardar mi cita",
		},
		unless: []string{
			"not", "dont", "cant", "cannot", "wont", "couldnt", "never", "unable", "no need",
			"no mantener", "no conservar", "no guardar", "no puedo", "no quiero", "no podre", "no deseo", "ya no",
		},
	},
	{
		// In threes: the place in the list says which. The first of them are numbers by themselves, loose in chosen.
		intent: IntentChoice,
		polite: true,
		whole: []string{
			"1", "2", "3",
			"one", "two", "three",
			"uno", "dos", "tres",
			"1st", "2nd", "3rd",
			"first", "second", "third",
			"1st one", "2nd one", "3rd one",
			"first one", "second one", "third one",
			"first option", "second option", "third option",
			"option 1", "option 2", "option 3",
			"option one", "option two", "option three",
			"number 1", "number 2", "number 3",
			"number one", "number two", "number three",
			"primera", "segunda", "tercera",
			"primero", "segundo", "tercero",
			"primera opcion", "segunda opcion", "tercera opcion",
			"opcion 1", "opcion 2", "opcion 3",
			"opcion uno", "opcion dos", "opcion tres",
			"numero 1", "numero 2", "numero 3",
			"numero uno", "numero dos", "numero tres",
			"la 1", "la 2", "la 3",
			"el 1", "el 2", "el 3",
			"la uno", "la dos", "la tres",
			"el uno", "el dos", "el tres",
		},
	},
	{
		intent: IntentCancel,
		polite: true,
		whole: []string{
			"c", "cancel", "cancel it", "cancel booking", "cancel appointment", "i cancel", "i want to cancel it",
			"i cant make it", "i cannot make it", "i can not make it", "i wont make it", "cant make it", "cannot make it", "wont make it", "i cant come", "i cannot come",
			"cancelar", "cancela", "cancelen", "cancelala", "cancelarla", "cancelar cita", "cancela la cita", "anular", "anularla", "anular cita",
			"no puedo ir", "no podre ir", "no puedo asistir", "no podre asistir", "no voy a poder ir",
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

// courtesies say nothing of what is wanted. A yes among them does not either: what it agrees to is said beside it.
var courtesies = []string{
	"please", "pls", "plz", "thanks", "thank you", "thank u", "thx", "ty", "ok", "okay", "yes", "yeah", "yep", "yup", "sure",
	"hi", "hello", "hey", "sorry", "great", "perfect",
	"por favor", "porfavor", "porfa", "gracias", "muchas gracias", "mil gracias", "si", "vale", "claro", "bueno", "hola", "buenas",
	"buenos dias", "buenas tardes", "buenas noches", "perdon", "disculpe", "disculpa", "lo siento", "perfecto",
}

// looseChoices are how many forms of IntentChoice are a number and nothing else, which may as well be an hour or a head count.
const looseChoices = 3 * maxChoice

// What may stand before and behind a choice that is more than a number.
var (
	choosing = []string{
		"the", "ill take", "i will take", "ill have", "ill go with", "i take", "i want", "i choose", "i prefer", "id like", "i would like", "book", "book me", "take",
		"lets do", "lets go with", "can i have", "can i get", "could i have", "give me",
		"la", "el", "quiero", "quisiera", "prefiero", "elijo", "escojo", "tomo", "me quedo con", "reserva", "reservame", "dame", "deme",
	}
	chosen = []string{
		"works", "works for me", "is good", "is fine", "is ok", "is great", "is perfect", "sounds good", "would be great",
		"me va bien", "me sirve", "esta bien", "me parece bien",
	}
)
