module holdfast/cmd/internal/bench/peers

go 1.26.0

require (
	github.com/hoophq/alcatraz v0.23.0
	github.com/nyaruka/phonenumbers/v2 v2.0.7
	holdfast v0.0.0
)

require (
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace holdfast => ../../../..
