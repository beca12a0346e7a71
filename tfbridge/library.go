//go:build tensorflow

package tfbridge

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// Opens a library for the whole process; returns NULL, or what dlerror says,
// for the caller to free: the next call on this thread overwrites its own.
static char *lockstep_dlopen(const char *path) {
	return dlopen(path, RTLD_LAZY | RTLD_GLOBAL) ? NULL : strdup(dlerror());
}

static int lockstep_loaded(const char *symbol) {
	return dlsym(RTLD_DEFAULT, symbol) != NULL;
}
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"unsafe"

	tf "github.com/galeone/tensorflow/tensorflow/go"
	"github.com/lockstep-go/lockstep"
)

const built = true

// libraryDir is the folder of libtensorflow, set when `make build` links:
// -ldflags "-X github.com/lockstep-go/lockstep/tfbridge.libraryDir=…".
// $LOCKSTEP_LIBTENSORFLOW comes before it.
var libraryDir string

// load makes libtensorflow's functions callable, once. The program is linked
// with the library's symbols left open, as github.com/NVIDIA/go-nvml does it,
// so that commands that need no TensorFlow start without 850 MB of it, and so
// that a missing library is an error with our message. Where the program was
// linked with the library in the ordinary way, it is there already.
var load = sync.OnceValue(func() error {
	if loaded("TF_Version") {
		return nil
	}
	var err error
	if own := os.Getenv("LOCKSTEP_LIBTENSORFLOW"); own != "" {
		err = loadFrom(own, "LOCKSTEP_LIBTENSORFLOW names this folder: set it to one with a libtensorflow in it, or unset it")
	} else {
		err = loadFrom(libraryDir, "this program was built with this folder: `make tensorflow` fetches the library into it, or set LOCKSTEP_LIBTENSORFLOW to another")
	}
	if err != nil {
		return lockstep.NoTensorFlow(err)
	}
	return nil
})

// loadFrom opens the libraries in dir. The hint says where the folder's name is
// from.
func loadFrom(dir, hint string) error {
	if dir == "" {
		return fmt.Errorf("tfbridge: this program was linked without libtensorflow and without a folder to find it in: set LOCKSTEP_LIBTENSORFLOW")
	}
	// dlopen looks for a name without a slash in the system's folders.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("tfbridge: %w", err)
	}
	for _, stem := range []string{"libtensorflow_framework", "libtensorflow"} {
		path, err := find(dir, stem)
		if err != nil {
			return fmt.Errorf("tfbridge: %w; %s", err, hint)
		}
		c := C.CString(path)
		message := C.lockstep_dlopen(c)
		C.free(unsafe.Pointer(c))
		if message != nil {
			defer C.free(unsafe.Pointer(message))
			return fmt.Errorf("tfbridge: libtensorflow does not load: %s; %s", C.GoString(message), hint)
		}
	}
	// A function that is missing ends the process when it is called.
	for _, symbol := range []string{"TF_Version", "TF_LoadSessionFromSavedModel", "TF_GraphImportGraphDef", "TF_SessionRun", "TF_TensorByteSize"} {
		if !loaded(symbol) {
			return fmt.Errorf("tfbridge: the library in %s has no %s: it is not a libtensorflow with the C API; %s", dir, symbol, hint)
		}
	}
	return nil
}

func loaded(symbol string) bool {
	c := C.CString(symbol)
	defer C.free(unsafe.Pointer(c))
	return C.lockstep_loaded(c) != 0
}

// find looks for a library in dir/lib and dir, under the names that the C
// library archive and the Python package give it.
func find(dir, stem string) (string, error) {
	ends := []string{".so.2", ".so"}
	if runtime.GOOS == "darwin" {
		ends = []string{".2.dylib", ".dylib"}
	}
	for _, d := range []string{filepath.Join(dir, "lib"), dir} {
		for _, name := range []string{stem, stem + "_cc"} {
			for _, end := range ends {
				path := filepath.Join(d, name+end)
				if _, err := os.Stat(path); err == nil {
					return path, nil
				}
			}
		}
	}
	return "", fmt.Errorf("no %s%s in %s", stem, ends[0], dir)
}

func available() error { return load() }

func version() string {
	if load() != nil {
		return ""
	}
	return tf.Version()
}
