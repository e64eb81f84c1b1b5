package validate

// subjects are all checks, in the order in which their results are told.
var subjects = [][]check{
	bookingChecks,
	idempotencyChecks,
	codeChecks,
	lateChecks,
	followupChecks,
	dstChecks,
	blockChecks,
	inputChecks,
	tenancyChecks,
	eventChecks,
	twilioChecks,
	redactionChecks,
	beyondChecks,
	contentionChecks,
	failureChecks,
	vapiChecks,
	retellChecks,
}
