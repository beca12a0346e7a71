//go:build !tensorflow

package docs

const withTensorFlow = false
