package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is what the path of every package of ours begins with.
const module = "holdfast"

// file is one Go file of the repository.
type file struct {
	path string // from the repository's root, with slashes
	test bool
	set  *token.FileSet
	*ast.File
}

// dir is the folder, which is the package's path without the module.
func (f *file) dir() string { return path.Dir(f.path) }

// at is a finding in f.
func (f *file) at(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.path, f.set.Position(n.Pos()).Line, fmt.Sprintf(format, args...))
}

func (f *file) isMain() bool { return f.Name.Name == "main" }

// imports lists what f imports.
func (f *file) imports() map[*ast.ImportSpec]string {
	paths := make(map[*ast.ImportSpec]string)
	for _, i := range f.Imports {
		paths[i], _ = strconv.Unquote(i.Path.Value) // the parser has read it
	}
	return paths
}

// calls tells whether n selects one of the names of package pkg, as in os.Exit.
func (f *file) calls(n ast.Node, pkg string, names ...string) bool {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok || x.Name != f.nameOf(pkg) {
		return false
	}
	for _, name := range names {
		if strings.HasPrefix(sel.Sel.Name, name) {
			return true
		}
	}
	return false
}

// nameOf is how f calls an imported package; "" when it does not import it.
func (f *file) nameOf(pkg string) string {
	for spec, p := range f.imports() {
		switch {
		case p != pkg:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return path.Base(pkg)
		}
	}
	return ""
}

// parse reads one file.
func parse(name string, src []byte) (*file, error) {
	set := token.NewFileSet()
	a, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{path: name, test: strings.HasSuffix(name, "_test.go"), set: set, File: a}, nil
}

// repository reads all Go files of the module, whatever their build tags.
func repository(t *testing.T) []*file {
	t.Helper()
	const root = "../../.."
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	var files []*file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "bin" || base == "tmp") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(rel), src)
		files = append(files, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// within tells whether folder dir is parent or lies below it.
func within(dir, parent string) bool { return dir == parent || strings.HasPrefix(dir, parent+"/") }
