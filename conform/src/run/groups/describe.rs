//! Groups seen from outside.

use super::group_id;
use super::protocol::string;
use crate::run::admin::unheard;
use crate::run::{RunError, Runner};
use crate::seen::Seen;
use crate::step::Number;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
};

impl Runner<'_> {
    pub(super) fn describe_group(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let request = DescribeGroupsRequest::default().with_groups(vec![group_id(&name)]);
        let code = |r: &DescribeGroupsResponse| r.groups.first().map_or(-1, |g| g.error_code);
        let answer = match self.ask_coordinator(group, request, code)? {
            Ok(answer) => answer,
            Err(why) => return Ok(unheard(why)),
        };
        let Some(found) = answer.groups.into_iter().next() else {
            return Ok(Seen::Code(-1));
        };
        let members = found.members.iter().map(|m| {
            let number = self.book.member(group, m.member_id.as_str());
            (number, string(&m.member_assignment))
        });
        Ok(Seen::Group {
            code: found.error_code,
            state: found.group_state.to_string(),
            protocol: found.protocol_data.to_string(),
            members: members.collect(),
        })
    }

    pub(super) fn delete_group(&mut self, group: Number) -> Result<Seen, RunError> {
        let name = self.book.group(group);
        let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(&name)]);
        let code = |r: &DeleteGroupsResponse| r.results.first().map_or(-1, |g| g.error_code);
        let heard = self.ask_coordinator(group, request, code)?;
        Ok(heard.map_or_else(unheard, |answer| Seen::Code(code(&answer))))
    }
}
