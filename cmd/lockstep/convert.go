package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-go/lockstep/internal/convert"
	"github.com/lockstep-go/lockstep/internal/table"
)

func newConvert() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "convert MODEL -o DIR",
		Short: "write a model that was exported on a GPU so that any TensorFlow runs it on a CPU",
		Long: `convert writes a SavedModel whose recurrent layers are operations of cuDNN, as they
are where TensorFlow saw a GPU when it exported the model, with a loop in the place of
each. Its variables, signatures and assets are copied. TensorFlow, and what reads
its SavedModels, runs the result on any machine (no TensorFlow needed here).

DIR must not exist; it appears completely or not at all.`,
		Args: wantArgs("one model's directory", 1, 1),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			if to == "" {
				return usagef("convert: name the new directory with -o DIR")
			}
			found, err := convert.Model(args[0], to)
			if errors.Is(err, convert.ErrUsage) {
				return usagef("%w", err)
			}
			if err != nil {
				return err
			}
			t := table.Table{Indent: 2}
			for _, op := range found {
				was, where := "became a loop", op.Function
				if op.Refused != nil {
					was = "is as it was, and no signature reaches it: " + op.Refused.Error()
				}
				if where == "" {
					where = "the main graph"
				}
				t.Add(op.Node, op.Op, was, "in "+where)
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%s: %s without cuDNN\n", to, args[0])
			t.Write(&b)
			_, err = io.WriteString(cmd.OutOrStdout(), b.String())
			return err
		}),
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "the directory to write, which must not exist")
	return cmd
}
