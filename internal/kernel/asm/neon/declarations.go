package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
)

// declaration is a function as amd64 has it.
type declaration struct {
	text    string // with its comment
	params  []string
	results int // each, like a parameter, in 8 bytes
}

func readDeclarations(path string) (map[string]declaration, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	all := map[string]declaration{}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		from, to := files.Position(f.Doc.Pos()).Offset, files.Position(f.End()).Offset
		declared := declaration{text: string(source[from:to])}
		for _, p := range f.Type.Params.List {
			for _, name := range p.Names {
				declared.params = append(declared.params, name.Name)
			}
		}
		if f.Type.Results != nil {
			declared.results = f.Type.Results.NumFields()
		}
		all[f.Name.Name] = declared
	}
	return all, nil
}

// stubs are the declarations of the functions that were written.
func (a *assembler) stubs() []byte {
	var b bytes.Buffer
	b.WriteString(generated + "//go:build arm64\n\npackage kernel\n")
	for _, name := range a.names {
		fmt.Fprintf(&b, "\n%s\n", a.declared[name].text)
	}
	source, err := format.Source(b.Bytes())
	if err != nil {
		a.fail("the declarations: %v", err)
	}
	return source
}
