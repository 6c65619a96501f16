"""What an operator's program does with pystrix: with_pystrix.py HOST PORT USER SECRET. A line a step that went well."""
import sys, threading, time
from pystrix.ami import ami, core

host, port, user, secret = sys.argv[1:]
seen, lock = [], threading.Lock()


def done(step):
    print(step, flush=True)


def told(event, _):
    with lock:
        seen.append(event)


def event(name, **fields):
    """The first event of that name with these headers."""
    for _ in range(400):
        with lock:
            for one in seen:
                if one.name == name and all(one.get(key) == value for key, value in fields.items()):
                    return one
        time.sleep(0.05)
    raise AssertionError(f"no {name} with {fields}")


class Own(core._Request):
    """An action that pystrix does not know."""

    def __init__(self, action, **fields):
        core._Request.__init__(self, action)
        self.update(fields)


manager = ami.Manager()
manager.register_callback("", told)
manager.connect(host, int(port))
challenge = manager.send_action(core.Challenge()).result["Challenge"]
assert manager.send_action(core.Login(user, secret, challenge=challenge)).success
done("login")
assert manager.send_action(core.Ping()).response["Ping"] == "Pong"
done("ping")
request = core.QueueStatus("sales_1")
request.synchronous = True
answer = manager.send_action(request)
assert answer.success and not answer.events_timeout, answer
assert len(answer.events["QueueParams"]) == 1 and answer.events["QueueStatusComplete"], answer.events
done("list")
plan = manager.send_action(Own("OutPlanCreate", Name="mine")).response["Uuid"]
assert event("OutPlanCreate", Uuid=plan)["Name"] == "mine"
done("own event")
answer = manager.send_action(Own("OutPlanShow"))
assert answer.response["EventList"] == "start", answer
assert event("OutPlanEntry", ActionID=answer.action_id)["Uuid"] == plan
assert event("OutPlanListComplete", ActionID=answer.action_id)["ListItems"] == "1"
done("own list")
call = core.Originate_Application("Local/1000001@astout-demo", "Wait", ("60",), timeout=5000)
answer = manager.send_action(call)
assert answer.success, answer
up = event("OriginateResponse", ActionID=answer.action_id)
assert up["Response"] == "Success", up
event("Newchannel", Uniqueid=up["Uniqueid"])
assert manager.send_action(core.Hangup(up["Channel"])).success
event("Hangup", Uniqueid=up["Uniqueid"])
done("originate")
refused = manager.send_action(core.Originate_Application("Console/dsp", "Wait", ("60",), timeout=5000))
assert not refused.success and "policy" in refused.response["Message"], refused
done("refusal")
manager.close()

stranger = ami.Manager()
stranger.connect(host, int(port))
try:
    stranger.send_action(core.Login(user, "wrong"))
    raise AssertionError("let in")
except core.ManagerAuthError as refused:
    assert "Authentication failed" in str(refused), refused
stranger.close()
done("bad login")
