// Package containers holds no code: its tests read the Dockerfile and docker-compose.yml and run what they say.
//
// No container engine is needed. The files are parsed by the libraries that engines use, the binaries are built by the
// build stage's own command from what .dockerignore leaves, and each service's command runs as a process with exactly
// its environment. What only an engine can show (users, capabilities, volumes, networks) is held by rules.
package containers
