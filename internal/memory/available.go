package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// available returns how many bytes of memory the process can have, as Linux says
// it in the files under root: the machine's, and what each cgroup that the process
// is in allows; the largest number where they give none.
func available(root fs.FS) int64 {
	least := min(machine(root), addressSpace())
	b, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return least
	}
	for line := range strings.Lines(string(b)) {
		// hierarchy-ID:controllers:path, the second empty in version 2
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[1] == "":
			least = min(least, cgroup(root, "sys/fs/cgroup", fields[2], "memory.max"))
		case contains(fields[1], "memory"):
			least = min(least, cgroup(root, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes"))
		}
	}
	return least
}

func contains(list, name string) bool {
	for each := range strings.SplitSeq(list, ",") {
		if each == name {
			return true
		}
	}
	return false
}

// cgroup returns the least limit of a cgroup and its parents. In a container
// the path may be the host's, of which only the mount's root is visible.
func cgroup(root fs.FS, mount, name, file string) int64 {
	least := int64(math.MaxInt64)
	for name = path.Clean("/" + name); ; name = path.Dir(name) {
		if n, ok := number(root, path.Join(mount, name, file)); ok {
			least = min(least, n)
		}
		if name == "/" {
			return least
		}
	}
}

// number reads a file of one number; "max" is not one.
func number(root fs.FS, name string) (int64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	return n, err == nil && n > 0
}

// machine returns the machine's memory from /proc/meminfo.
func machine(root fs.FS) int64 {
	f, err := root.Open("proc/meminfo")
	if err != nil {
		return math.MaxInt64
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) == 3 && fields[0] == "MemTotal:" {
			if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil && n > 0 && n < math.MaxInt64>>10 {
				return n << 10
			}
		}
	}
	return math.MaxInt64
}
