package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// change is one token of a file instead of another.
type change struct {
	file     string
	line     int
	at       int // the token's offset
	from, to string
	what     string
}

// apply returns the text with the change.
func (c change) apply(src []byte) []byte {
	return slices.Concat(src[:c.at], []byte(c.to), src[c.at+len(c.from):])
}

func (c change) String() string {
	name := c.file
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, c.file); err == nil {
			name = relative
		}
	}
	return fmt.Sprintf("%s:%d: %s: %q instead of %q", name, c.line, c.what, c.to, c.from)
}

// overlay writes the changed file and what go takes for -overlay into dir.
func (c change) overlay(dir string) (string, error) {
	changed, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {c.file: changed}})
	if err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	src, err := os.ReadFile(c.file)
	if err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	if err := os.WriteFile(changed, c.apply(src), 0o644); err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	if err := os.WriteFile(overlay, b, 0o644); err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	return overlay, nil
}

// others are the operators that take the place of each.
var others = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GTR}, token.LEQ: {token.LSS, token.GTR}, token.GTR: {token.GEQ, token.LSS}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL}, token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN}, token.MUL_ASSIGN: {token.QUO_ASSIGN}, token.QUO_ASSIGN: {token.MUL_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
}

// fails tells whether a last result says that there are no others: a constant that
// is returned beside it is read by nobody.
func fails(last ast.Expr) bool {
	switch last := last.(type) {
	case *ast.Ident:
		return last.Name == "err" || last.Name == "false"
	case *ast.CallExpr:
		f, ok := last.Fun.(*ast.SelectorExpr)
		return ok && (f.Sel.Name == "Errorf" || f.Sel.Name == "New")
	}
	return false
}

// changesOf lists the changes of a file: other comparisons, signs and operators,
// constants that are one more, conditions that are negated, errors that are lost.
func changesOf(name string, src []byte) ([]change, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, src, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("mutate: %w", err)
	}
	if ast.IsGenerated(file) {
		return nil, nil
	}
	var found []change
	put := func(what string, pos, end token.Pos, to string) {
		from, until := set.Position(pos).Offset, set.Position(end).Offset
		found = append(found, change{file: name, line: set.Position(pos).Line, at: from, from: string(src[from:until]), to: to, what: what})
	}
	operator := func(pos token.Pos, op token.Token) {
		for _, other := range others[op] {
			put("operator", pos, pos+token.Pos(len(op.String())), other.String())
		}
	}
	unread := map[ast.Expr]bool{} // beside an error or a false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			operator(n.OpPos, n.Op)
		case *ast.AssignStmt:
			operator(n.TokPos, n.Tok)
		case *ast.IncDecStmt:
			operator(n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.SUB || n.Op == token.NOT {
				put("sign", n.OpPos, n.OpPos+1, "")
			}
		case *ast.IfStmt:
			text := string(src[set.Position(n.Cond.Pos()).Offset:set.Position(n.Cond.End()).Offset])
			put("condition", n.Cond.Pos(), n.Cond.End(), "!("+text+")")
		case *ast.BasicLit:
			if unread[n] {
				return true
			}
			if v, err := strconv.ParseInt(n.Value, 0, 32); n.Kind == token.INT && err == nil {
				put("constant", n.Pos(), n.End(), strconv.FormatInt(v+1, 10))
			} else if n.Kind == token.FLOAT {
				put("constant", n.Pos(), n.End(), "(2*"+n.Value+"+1)")
			}
		case *ast.ReturnStmt:
			if len(n.Results) > 0 {
				if id, ok := n.Results[len(n.Results)-1].(*ast.Ident); ok && id.Name == "err" {
					put("lost error", id.Pos(), id.End(), "nil")
				}
				if fails(n.Results[len(n.Results)-1]) {
					for _, result := range n.Results {
						unread[result] = true
					}
				}
			}
		}
		return true
	})
	return found, nil
}
