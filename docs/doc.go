// Package docs holds the pages for users: parity.md, service.md and ci.md for
// the three kinds of them, and verdict.md. Its tests follow the three from an
// empty directory, command by command, and want what the pages show.
package docs
