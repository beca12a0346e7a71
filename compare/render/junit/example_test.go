package junit_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/lockstep-go/lockstep/compare"
	"github.com/lockstep-go/lockstep/compare/render/junit"
)

// A model that could not be run is an error in the test report.
func ExampleWrite() {
	var b bytes.Buffer
	err := junit.Write(&b, []compare.Outcome{{Model: "sales", Err: errors.New("no saved_model.pb")}})
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.Contains(line, "<error") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// <error message="no saved_model.pb" type="not run"><![CDATA[no saved_model.pb]]></error>
}
