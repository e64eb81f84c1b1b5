package twiliosim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"holdfast/handlers/sms/twiliosim"
)

func Example() {
	const sid, token = "ACeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "token"
	sim := twiliosim.New(twiliosim.Options{Accounts: map[string]string{sid: token}})
	defer sim.Close()
	sim.AddNumber("+14155550100", sid, "")
	srv := httptest.NewServer(sim)
	defer srv.Close()

	form := url.Values{"To": {"+14155550142"}, "From": {"+14155550100"}, "Body": {"Your code is 123 456"}}
	req, _ := http.NewRequest("POST", srv.URL+"/2010-04-01/Accounts/"+sid+"/Messages.json", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(sid, token)
	res, err := srv.Client().Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = res.Body.Close()
	fmt.Println(res.StatusCode, sim.Messages("+14155550142")[0].Body)
	// Output: 201 Your code is 123 456
}
