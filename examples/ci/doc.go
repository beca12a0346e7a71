// Package ci holds files to copy into a pipeline: github.yml, a GitHub Actions
// workflow, gitlab.yml, GitLab jobs, lockstep.mk, a Makefile fragment, and
// lockstep.yaml, which all of them read. Its tests run every command in them
// that needs no hosting. docs/ci.md explains them.
package ci
