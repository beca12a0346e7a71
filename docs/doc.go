// Package docs holds the pages for users: parity.md, service.md and ci.md for
// the three kinds of users, and one page a task. Its tests follow the pages
// that have commands from an empty directory, command by command, and compare
// the output with the pages.
package docs
