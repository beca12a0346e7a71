package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/lockstep-go/lockstep/compare/comparetest"
	"github.com/lockstep-go/lockstep/native"
)

// The model in the repository answers as TensorFlow did when its golden was
// recorded.
func TestModel(t *testing.T) {
	m, err := native.Load("model")
	if err != nil {
		t.Fatal(err)
	}
	comparetest.Golden(t, m, "model.golden")
}

// Forecasts are those of TensorFlow in Python, which fed the outputs back step by
// step (testdata/make.py).
func TestForecast(t *testing.T) {
	b, err := os.ReadFile("testdata/forecasts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ Past, Forecast []float32 }
	if err := json.Unmarshal(b, &cases); err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	m, err := loadModel()
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.newRunner()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		got := make([]float32, len(c.Forecast))
		if err := r.forecast(t.Context(), c.Past, got); err != nil {
			t.Fatal(err)
		}
		for k, v := range got {
			if d := abs(v - c.Forecast[k]); d > 1e-5+1e-4*abs(c.Forecast[k]) {
				t.Errorf("case %d, step %d: %v, want %v", i, k, v, c.Forecast[k])
			}
		}
	}
}

func abs(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}
