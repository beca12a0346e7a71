// Package tfpb holds the few protobuf messages of TensorFlow that
// native/savedmodel reads, and of each the fields that it reads: TensorFlow's own
// generated code makes a program larger than all of lockstep does.
//
// A field that is missing here is not lost: a message that is read and written
// again keeps what it does not know. To read one more, add it to tensorflow.proto, under
// TensorFlow's name, number and type, and run
//
//	go generate ./internal/tfpb
//
// with protoc, 3.21 or later, in the path: Debian's protobuf-compiler, Homebrew's
// protobuf, or a script that runs "python -m grpc_tools.protoc" of PyPI's
// grpcio-tools.
package tfpb

// The file goes by its full path, by which the registry of a program knows it.
//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --proto_path=github.com/lockstep-go/lockstep/internal/tfpb=. --go_out=../.. --go_opt=module=github.com/lockstep-go/lockstep github.com/lockstep-go/lockstep/internal/tfpb/tensorflow.proto"
