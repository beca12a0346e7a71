package main

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/lockstep-go/lockstep"
	"github.com/lockstep-go/lockstep/internal/npz"
	"github.com/lockstep-go/lockstep/native"
)

// data are series of the tests: each of some steps, by key.
type data struct {
	keys   []string
	series map[string][]float64
}

func makeData(seed uint64, lengths ...int) data {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := data{series: map[string][]float64{}}
	for i, n := range lengths {
		key := fmt.Sprintf("store %d, \"ä\"", i)
		d.keys = append(d.keys, key)
		for range n {
			d.series[key] = append(d.series[key], rng.NormFloat64()*10)
		}
	}
	return d
}

type record struct {
	Store string  `parquet:"store"`
	Day   int64   `parquet:"day"`
	Sales float64 `parquet:"sales"`
}

func (d data) records() []record {
	var out []record
	for _, key := range d.keys {
		for t, x := range d.series[key] {
			out = append(out, record{key, int64(t), x})
		}
	}
	return out
}

// write writes the series as a file of the format of its name.
func (d data) write(t *testing.T, path string) {
	t.Helper()
	switch filepath.Ext(path) {
	case ".csv":
		f, err := os.Create(path)
		must(t, err)
		w := csv.NewWriter(f)
		must(t, w.Write([]string{"store", "day", "sales"}))
		for _, r := range d.records() {
			must(t, w.Write([]string{r.Store, strconv.FormatInt(r.Day, 10), strconv.FormatFloat(r.Sales, 'g', -1, 64)}))
		}
		w.Flush()
		must(t, w.Error())
		must(t, f.Close())
	case ".parquet":
		must(t, parquet.WriteFile(path, d.records(), parquet.MaxRowsPerRowGroup(37)))
	case ".npz":
		var stores []string
		var days []int64
		var sales []float64
		for _, r := range d.records() {
			stores, days, sales = append(stores, r.Store), append(days, r.Day), append(sales, r.Sales)
		}
		a, err := lockstep.New(stores, len(stores))
		must(t, err)
		b, err := lockstep.New(days, len(days))
		must(t, err)
		c, err := lockstep.New(sales, len(sales))
		must(t, err)
		must(t, npz.WriteFile(path, []lockstep.NamedTensor{{Name: "store", Tensor: a}, {Name: "day", Tensor: b}, {Name: "sales", Tensor: c}}))
	}
}

// predicted reads what was written: the values of an output, by key and time, or by row where there is no key.
func predicted(t *testing.T, dir, output string) map[string][]float32 {
	t.Helper()
	out := map[string][]float32{}
	add := func(at string, values []float32) {
		if _, twice := out[at]; twice {
			t.Fatalf("%s is predicted twice", at)
		}
		out[at] = slices.Clone(values)
	}
	all, err := filepath.Glob(filepath.Join(dir, "part-*"))
	must(t, err)
	for _, path := range all {
		switch filepath.Ext(path) {
		case ".csv":
			f, err := os.Open(path)
			must(t, err)
			lines, err := csv.NewReader(f).ReadAll()
			must(t, errorsJoin(err, f.Close()))
			for _, line := range lines[1:] {
				var values []float32
				for i, name := range lines[0] {
					if name == output || strings.HasPrefix(name, output+"[") {
						x, err := strconv.ParseFloat(line[i], 32)
						must(t, err)
						values = append(values, float32(x))
					}
				}
				at := line[0]
				if lines[0][0] == "store" {
					at += "/" + line[1]
				}
				add(at, values)
			}
		case ".parquet":
			rows, err := parquet.ReadFile[struct {
				Store  string    `parquet:"store"`
				Day    string    `parquet:"day"`
				Output []float32 `parquet:"output_0,list"`
			}](path)
			must(t, err)
			for _, r := range rows {
				add(r.Store+"/"+r.Day, r.Output)
			}
		case ".npz":
			tensors, err := npz.ReadFile(path)
			must(t, err)
			by := lockstep.ByName(tensors)
			stores, err := lockstep.Data[string](by["store"])
			must(t, err)
			days, err := lockstep.Data[string](by["day"])
			must(t, err)
			y, err := lockstep.Data[float32](by[output])
			must(t, err)
			size := len(y) / len(stores)
			for i := range stores {
				add(stores[i]+"/"+days[i], y[i*size:(i+1)*size])
			}
		}
	}
	return out
}

func errorsJoin(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// windows are what the seed model computes for the windows of series, each in a call of its own.
func windows(t *testing.T, dir string, d data) map[string][]float32 {
	t.Helper()
	m, err := native.Load(dir)
	must(t, err)
	out := map[string][]float32{}
	for key, values := range d.series {
		for at := 0; at+20 <= len(values); at += 10 {
			in := map[string]*lockstep.Tensor{}
			for name, from := range map[string]int{"encoder_input": at, "decoder_input": at + 10} {
				x := make([]float32, 10)
				for i := range x {
					x[i] = float32(values[from+i])
				}
				in[name], err = lockstep.New(x, 1, 10, 1)
				must(t, err)
			}
			y, err := m.Run(t.Context(), in)
			must(t, err)
			out[fmt.Sprintf("%s/%d", key, at+9)], err = lockstep.Data[float32](y["output_0"])
			must(t, err)
		}
	}
	return out
}

func sameBits(t *testing.T, what string, got, want map[string][]float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d predictions, want %d", what, len(got), len(want))
	}
	for at, y := range want {
		if !slices.Equal(got[at], y) {
			t.Fatalf("%s: %s is %v, want %v", what, at, got[at], y)
		}
	}
}
