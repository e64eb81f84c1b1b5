// Package failpoint names the moments at which a process may die: before and after every commit, every command to
// Redis and every call to a provider. It is how a test kills a process at each of them in turn.
//
// It does nothing, and costs nothing, unless the program is built with the tag failpoints. Then a process notes each
// point that it passes for the first time in the file HOLDFAST_FAILPOINT_LOG ("passed NAME"), and kills itself as
// SIGKILL does at the first one that HOLDFAST_FAILPOINT lists, by commas ("died NAME"). A name is the scene of the
// context and the spot: verification:send/record/commit.before. So what there is to die at is learned from a run that
// does everything once, and a new handler is in it without being listed anywhere.
package failpoint
