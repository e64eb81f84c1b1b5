package validate

// subjects are all checks, in the order in which their results are told.
var subjects = [][]check{
	bookingChecks,
	contentionChecks,
	idempotencyChecks,
	codeChecks,
	lateChecks,
	dstChecks,
	blockChecks,
	inputChecks,
	tenancyChecks,
	eventChecks,
	twilioChecks,
	beyondChecks,
	vapiChecks,
	retellChecks,
}
