package memory

import (
	"errors"
	"math"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-go/lockstep"
)

func TestAvailable(t *testing.T) {
	const machine = "MemTotal:       16384 kB\nMemFree:         1000 kB\n"
	const whole, none = 16384 << 10, math.MaxInt64
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing said":          {nil, none},
		"the machine":           {map[string]string{"proc/meminfo": machine}, whole},
		"nonsense":              {map[string]string{"proc/meminfo": "MemTotal: much kB\n", "proc/self/cgroup": "0\n\nx:y\n"}, none},
		"version 2":             {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4096},
		"version 2, no limit":   {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n"}, whole},
		"version 2, above":      {map[string]string{"proc/self/cgroup": "0::/a/b/c\n", "sys/fs/cgroup/a/memory.max": "512\n", "sys/fs/cgroup/a/b/c/memory.max": "1024\n"}, 512},
		"version 2, container":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "77\n"}, 77},
		"version 2, the host's": {map[string]string{"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "78\n"}, 78},
		"version 1":             {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "3:cpu,cpuacct:/x\n5:memory:/docker/abc\n", "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "2048\n"}, 2048},
		"version 1, several":    {map[string]string{"proc/self/cgroup": "5:hugetlb,memory:/a\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "99\n"}, 99},
		"version 1, no limit":   {map[string]string{"proc/meminfo": machine, "proc/self/cgroup": "5:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, whole},
		"both":                  {map[string]string{"proc/self/cgroup": "5:memory:/a\n0::/b\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "10\n", "sys/fs/cgroup/b/memory.max": "11\n"}, 10},
	} {
		files := fstest.MapFS{}
		for path, text := range c.files {
			files[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := available(files); got != min(c.want, addressSpace()) {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestBudget(t *testing.T) {
	defer budget.Store(0)
	budget.Store(0)
	was := debug.SetMemoryLimit(100 << 20)
	defer debug.SetMemoryLimit(was)
	if got := Budget(); got > 50<<20 || got < 1 {
		t.Errorf("with GOMEMLIMIT=100MiB the budget is %d", got)
	}
	Set(1000)
	if err := Fits(125, 8); err != nil {
		t.Error(err)
	}
	for _, want := range []int{126, math.MaxInt} {
		err := Fits(want, 8)
		if !errors.Is(err, lockstep.ErrMemory) || !strings.Contains(err.Error(), "1000 bytes") {
			t.Errorf("%d: %v", want, err)
		}
	}
	Hold(600)
	defer Release(600)
	if err := Fits(60, 8); err == nil || !strings.Contains(err.Error(), "beside 600 bytes in use") {
		t.Errorf("beside 600: %v", err)
	}
	if err := Fits(50, 8); err != nil {
		t.Error(err)
	}
	Raise(900)
	if Budget() != 1000 {
		t.Errorf("raised to 900, it is %d", Budget())
	}
	if Raise(2000); Budget() != 2000 {
		t.Errorf("raised to 2000, it is %d", Budget())
	}
}
