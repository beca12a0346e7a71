package table

import (
	"errors"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	rows := [][]string{{"name", "n", "µs", "verdict"}, {"a/long/name/of/a/tensor", "12", "3.5", "in step"}, {"b", "1", "100", ""}}
	for _, c := range []struct {
		name  string
		table Table
		want  []string
	}{
		{"to the left", Table{Indent: 1}, []string{
			" name                     n   µs   verdict",
			" a/long/name/of/a/tensor  12  3.5  in step",
			" b                        1   100"}},
		{"figures to the right", Table{Align: "lrrl"}, []string{
			"name                      n   µs  verdict",
			"a/long/name/of/a/tensor  12  3.5  in step",
			"b                         1  100"}},
		{"the last letter holds on", Table{Align: "lr"}, []string{
			"name                      n   µs  verdict",
			"a/long/name/of/a/tensor  12  3.5  in step",
			"b                         1  100"}},
		{"shortened", Table{Width: 30, Least: []int{12}}, []string{
			"name          n   µs   verdict",
			"a/l…a/tensor  12  3.5  in step",
			"b             1   100"}},
		{"no shorter than that", Table{Width: 5, Least: []int{8, 1}}, []string{
			"name      n  µs   verdict",
			"a/…ensor  …  3.5  in step",
			"b         1  100"}},
	} {
		for _, row := range rows {
			c.table.Add(row...)
		}
		if got := strings.Join(c.table.Lines(), "\n"); got != strings.Join(c.want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, strings.Join(c.want, "\n"))
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWrite(t *testing.T) {
	var b strings.Builder
	table := Table{Indent: 2, Align: "r"}
	table.Add("a", "b")
	table.Add("10", "2")
	if err := table.Write(&b); err != nil || b.String() != "   a  b\n  10  2\n" {
		t.Errorf("%q, %v", &b, err)
	}
	if err := table.Write(broken{}); err == nil {
		t.Error("a writer's error is lost")
	}
}
