package tasks

// TranscriptRedact takes personal data out of a transcript. Its request's body is the only copy of the clear text, which
// the transaction that stores what is left empties.
var TranscriptRedact = define[RequestPayload]("transcript:redact", Options{Queue: QueueLow})

// TranscriptReport keeps what somebody found wrong in a transcript.
var TranscriptReport = define[RequestPayload]("transcript:report", Options{Queue: QueueLow})
