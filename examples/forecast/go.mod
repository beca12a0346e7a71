module example.com/forecast

go 1.26.0

require github.com/lockstep-go/lockstep v0.0.0

require (
	github.com/galeone/tensorflow/tensorflow/go v0.0.0-20221023090153-6b7fa0680c3e // indirect
	golang.org/x/sys v0.50.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

// A checkout of lockstep: outside of it, give the path to yours.
replace github.com/lockstep-go/lockstep => ../..
